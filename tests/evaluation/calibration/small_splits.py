"""Small evaluated splits of Gaussian identities, and their scored pairs."""

from collections.abc import Mapping

import numpy as np

from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import pair_distances, verify


def embedded(name: str, identities: int, images: int, *, dim: int = 8, seed: int = 0) -> EmbeddedImages:
    """Return images around random centres, one centre per identity."""
    rng = np.random.default_rng(seed)
    names = np.repeat([f"{name} {i}" for i in range(identities)], images)
    numbers = np.tile(np.arange(1, images + 1), identities)
    centres = np.repeat(rng.normal(size=(identities, dim)), images, axis=0)
    return EmbeddedImages(name, centres + 0.8 * rng.normal(size=centres.shape), names, numbers)


def pairs_of(images: EmbeddedImages, *, seed: int = 0) -> ScoredPairs:
    """Return all same pairs and as many different ones."""
    one, other = np.triu_indices(len(images), k=1)
    same = images.identities[one] == images.identities[other]
    rng = np.random.default_rng(seed)
    different = rng.choice(np.flatnonzero(~same), int(same.sum()), replace=False)
    chosen = np.concatenate([np.flatnonzero(same), different])
    one, other = one[chosen], other[chosen]
    return ScoredPairs(
        name=images.name,
        distances=pair_distances(images.embeddings, one, other),
        same=same[chosen],
        identities=np.stack([images.identities[one], images.identities[other]], axis=1),
        images=np.stack([images.numbers[one], images.numbers[other]], axis=1),
    )


def small_split(images: Mapping[str, EmbeddedImages]) -> EvaluatedSplit:
    """Return an evaluated split of all pairs of the images of each role."""
    scores = {role: pairs_of(one) for role, one in images.items()}
    other = next(role for role in images if role != "test")
    result = verify(scores["test"], scores[other])
    return EvaluatedSplit(result, result, scores, images)
