"""Members of a fusion whose distances are Gaussian with given d′ and correlations."""

from collections.abc import Mapping, Sequence

import numpy as np

from lfw_jax.evaluation.fusion.members import members_result
from lfw_jax.evaluation.fusion.results import MembersResult
from lfw_jax.evaluation.scores import ScoredPairs

PEOPLE = 60


def correlated(members: int, correlation: float) -> np.ndarray:
    """A correlation matrix with equal entries beside the diagonal."""
    return np.full((members, members), correlation) + (1 - correlation) * np.eye(members)


def gaussian_distances(
    d_primes: Sequence[float], correlations: np.ndarray, *, pairs: int = 400, seed: int = 0, exact: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Distances [members, pairs] and labels; with `exact`, the moments of the sample are those that were asked for."""
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    noise = rng.normal(size=(len(d_primes), pairs))
    if exact:
        for kind in (same, ~same):
            part = noise[:, kind] - noise[:, kind].mean(axis=1, keepdims=True)
            noise[:, kind] = np.linalg.solve(np.linalg.cholesky(np.cov(part, ddof=0).reshape(len(part), -1)), part)
    values, vectors = np.linalg.eigh(correlations)
    root = vectors * np.sqrt(values.clip(0))
    return root @ noise + np.asarray(d_primes, float)[:, None] * ~same, same


def as_pairs(
    distances: np.ndarray, same: np.ndarray, *, name: str = "pairsDevTest", layout: int = 0, folds: int = 0
) -> ScoredPairs:
    """Pairs of identities that depend on `layout`."""
    rng, pairs = np.random.default_rng(layout), len(same)
    first = rng.integers(0, PEOPLE, pairs)
    second = np.where(same, first, (first + rng.integers(1, PEOPLE, pairs)) % PEOPLE)
    identities = np.char.add(f"person{layout}_", np.stack([first, second], axis=1).astype(str))
    images = np.stack([np.ones(pairs), np.where(same, 2, 1)], axis=1)
    return ScoredPairs(name, distances, same, identities, images, np.arange(pairs) * folds // pairs if folds else None)


def sampled_lists(
    weights: Mapping[str, float], d_primes: Sequence[float], correlations: np.ndarray, *, seed: int = 0, folds: int = 0
) -> tuple[dict[str, ScoredPairs], ScoredPairs, dict[str, ScoredPairs], ScoredPairs]:
    """Members and fusion on the evaluated pairs, then on held-out pairs."""
    found = []
    for layout, name in enumerate(("pairsDevTest", "held-out identities")):
        distances, same = gaussian_distances(d_primes, correlations, seed=seed + 1000 * layout)
        options = {"name": name, "layout": layout, "folds": 0 if layout else folds}
        members = {one: as_pairs(row, same, **options) for one, row in zip(weights, distances, strict=True)}
        found += [members, as_pairs(np.asarray(list(weights.values())) @ distances, same, **options)]
    return tuple(found)


def sampled_result(
    weights: Mapping[str, float],
    d_primes: Sequence[float],
    correlations: np.ndarray,
    *,
    seed: int = 0,
    folds: int = 0,
    held_out: bool = True,
) -> MembersResult:
    """The result of sampled members."""
    members, fused, held, fused_held = sampled_lists(weights, d_primes, correlations, seed=seed, folds=folds)
    return members_result(
        members,
        fused,
        weights,
        held_out=held if held_out else None,
        fused_held_out=fused_held if held_out else None,
        seed=0,
        resamples=200,
    )
