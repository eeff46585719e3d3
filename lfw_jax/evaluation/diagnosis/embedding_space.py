"""The embedding space: spectrum, effective rank, anisotropy, variance between and within identities."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.backends.unit_length import unit_length

SPECTRUM = 64
"""Number of leading eigenvalues that are kept."""


@dataclasses.dataclass(frozen=True)
class EmbeddingSpace:
    """The distribution of unit embeddings in their space.

    Attributes:
      images: number of embeddings.
      dim: length of an embedding.
      norm_mean: mean length of the raw embeddings.
      norm_std: standard deviation of these lengths.
      mean_direction: length of the mean unit embedding: 0 if directions cancel, 1 if all are equal (anisotropy).
      spectrum: shares of the variance of the principal components, the largest first, at most `SPECTRUM` of them; empty if there
        is no variance.
      effective_rank: exp of the entropy of all these shares: the number of dimensions in use; 1 if there is no variance.
      participation_ratio: 1 / Σ share²: the number of dimensions in use, in which small components count less.
      between_share: share of the variance of unit embeddings that lies between the means of identities.
      random_between_share: expectation of that share for embeddings unrelated to identities, (identities − 1) / (images − 1).
      intraclass_correlation: share of the variance that identities explain, corrected for the number of images; 0 for
        embeddings unrelated to identities; None if no identity has two images, or there is one identity.
    """

    images: int
    dim: int
    norm_mean: float
    norm_std: float
    mean_direction: float
    spectrum: tuple[float, ...]
    effective_rank: float
    participation_ratio: float
    between_share: float
    random_between_share: float
    intraclass_correlation: float | None


@dataclasses.dataclass(frozen=True)
class Variance:
    """Analysis of variance of vectors in groups.

    Attributes:
      between: sum over groups of size · squared distance of its mean from the mean of all.
      within: sum over vectors of the squared distance from the mean of its group.
      groups: number of groups.
      vectors: number of vectors.
      effective_size: (N − Σ nᵢ² / N) / (groups − 1), the group size of the intraclass correlation; 0 for one group.
    """

    between: float
    within: float
    groups: int
    vectors: int
    effective_size: float

    @property
    def between_share(self) -> float:
        """Share of the total sum of squares between groups (η²); 0 if there is no variance."""
        total = self.between + self.within
        return self.between / total if total > 0 else 0.0

    @property
    def intraclass_correlation(self) -> float | None:
        """ICC(1) = (MSB − MSW) / (MSB + (n₀ − 1) MSW); None without two groups and a group of two vectors."""
        if self.groups < 2 or self.vectors == self.groups:
            return None
        between = self.between / (self.groups - 1)
        within = self.within / (self.vectors - self.groups)
        scale = between + (self.effective_size - 1) * within
        return (between - within) / scale if scale > 0 else 0.0


def embedding_space(embeddings: Float[np.ndarray, "images dim"], labels: Int[np.ndarray, "images"]) -> EmbeddingSpace:
    """Return the distribution of embeddings in their space.

    All quantities but the norms are of embeddings of unit length, since distances are.

    Args:
      embeddings: raw embeddings, at least one.
      labels: index of the identity of each image.
    """
    norms = np.sqrt(np.einsum("nd,nd->n", embeddings, embeddings, dtype=np.float64))
    unit = unit_length(embeddings)
    shares = spectrum(unit)
    rank = effective_rank(shares)
    variance = analysis_of_variance(unit, labels)
    return EmbeddingSpace(
        images=len(unit),
        dim=unit.shape[1],
        norm_mean=float(norms.mean()),
        norm_std=float(norms.std()),
        mean_direction=float(np.linalg.norm(unit.mean(axis=0))),
        spectrum=tuple(shares[:SPECTRUM].tolist()),
        effective_rank=rank,
        participation_ratio=float(1 / np.sum(shares**2)) if len(shares) else 1.0,
        between_share=variance.between_share,
        random_between_share=(variance.groups - 1) / max(1, len(unit) - 1),
        intraclass_correlation=variance.intraclass_correlation,
    )


def spectrum(vectors: Float[np.ndarray, "images dim"]) -> Float[np.ndarray, "components"]:
    """Return the shares of the variance of all principal components, the largest first.

    They are the eigenvalues of the covariance matrix, divided by their sum; empty if there is no variance.
    """
    centred = vectors - vectors.mean(axis=0)
    fewer = centred if centred.shape[0] < centred.shape[1] else centred.T
    values = np.maximum(np.linalg.eigvalsh(fewer @ fewer.T)[::-1], 0.0)
    total = values.sum()
    # Equal vectors differ from their mean by rounding errors, which have a spectrum of their own.
    if total <= 1e-20 * max(1.0, float(np.sum(vectors**2))):
        return np.zeros(0)
    return values / total


def effective_rank(shares: Float[np.ndarray, "components"]) -> float:
    """Return the effective rank, the exponential of the entropy of the spectrum.

    Source: Roy & Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007, here of the covariance
    matrix, whose singular values are its eigenvalues.

    Args:
      shares: eigenvalues divided by their sum; none for no variance, whose rank counts as 1.
    """
    positive = shares[shares > 0]
    return float(np.exp(-np.sum(positive * np.log(positive)))) if len(positive) else 1.0


def analysis_of_variance(vectors: Float[np.ndarray, "images dim"], labels: Int[np.ndarray, "images"]) -> Variance:
    """Return the sums of squares between and within groups of vectors.

    Their sum is the total sum of squares. Source: Fisher, "Statistical Methods for Research Workers", 1925, with squared
    distances in place of squared differences.

    Args:
      vectors: the vectors.
      labels: index of the group of each vector, from 0; groups without a vector do not count.
    """
    _, groups, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    order = np.argsort(groups, kind="stable")
    sums = np.add.reduceat(vectors[order], np.concatenate([[0], np.cumsum(sizes)[:-1]]), axis=0)
    means = sums / sizes[:, None]
    between = float(np.sum(sizes[:, None] * (means - vectors.mean(axis=0)) ** 2))
    within = float(np.sum((vectors - means[groups]) ** 2))
    count = len(vectors)
    size = (count - float(np.sum(sizes.astype(np.float64) ** 2)) / count) / (len(sizes) - 1) if len(sizes) > 1 else 0.0
    return Variance(between, within, len(sizes), count, size)
