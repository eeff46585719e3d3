"""Embedded templates for the tests of identification, and the matrix of all similarities that the project avoids."""

import numpy as np

from lfw_jax.evaluation.identification.protocol import Templates

TIE = 1e-6


def templates(
    count: int, identities: int, *, seed: int, noise: float = 1.0, dim: int = 6, name: str = "set"
) -> Templates:
    """Return noisy embeddings around one centre per identity; the centres are those of every seed."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(1234).normal(size=(identities, dim))
    labels = rng.integers(0, identities, count)
    return Templates(name, centres[labels] + noise * rng.normal(size=(count, dim)), labels.astype(str))


def all_similarities(probes: Templates, gallery: Templates) -> np.ndarray:
    return probes.embeddings.astype(np.float64) @ gallery.embeddings.astype(np.float64).T


def ranked(similarities: np.ndarray, mates: np.ndarray) -> list[int]:
    """Return the gallery indices of one probe in order, mates after others that are equally similar."""
    values = [value - TIE * mate for value, mate in zip(similarities.tolist(), mates.tolist(), strict=True)]
    return sorted(range(len(values)), key=lambda index: -values[index])
