"""AS-norm: adaptive symmetric normalisation of cosine similarities with a cohort of other identities."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.backends.score_normalisation import NEAREST, as_norm, cohort_moments
from lfw_jax.backends.unit_length import unit_length
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.impostors import Measure
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.scores import ScoredPairs

_BLOCK = 1024
_PAIRS = 4096
_LEAST_DEVIATION = 1e-6  # of cosine similarities: a collapsed embedding has the same score with every identity


@dataclasses.dataclass(frozen=True, eq=False)
class Cohort:
    """The identities that scores are compared with: one mean embedding each, of length 1.

    Attributes:
      embeddings: mean of the normalised embeddings of each identity, normalised.
    """

    embeddings: Float[np.ndarray, "identities dim"]

    def __post_init__(self):
        if len(self.embeddings) < 2:
            raise UserError(
                f"score normalisation: found a cohort of {len(self.embeddings)} identities, expected at least 2. Train with more "
                "identities, or set --config.evaluation.cohort=0."
            )

    def __len__(self) -> int:
        return len(self.embeddings)


def mean_cohort(images: EmbeddedImages) -> Cohort:
    """Return the cohort of the identities of embedded images.

    Args:
      images: images of the cohort, which must not show evaluated identities.

    Raises:
      UserError: images of fewer than two identities.
    """
    labels, unit = images.labels(), unit_length(images.embeddings)
    sums = np.zeros((labels.max() + 1, unit.shape[1]))
    np.add.at(sums, labels, unit)
    return Cohort(unit_length(sums))


def normalised_measure(images: EmbeddedImages, cohort: Cohort, nearest: int = NEAREST) -> Measure:
    """Return AS-norm as a distance of images: the negated score, so that smaller is more similar.

    The score is `as_norm` of the cosine similarity, with the moments of `cohort_statistics`.

    Args:
      images: the embedded images.
      cohort: the cohort.
      nearest: number of cohort members whose scores standardise those of an image; a smaller cohort is used entirely.
    """
    unit = unit_length(images.embeddings)
    mean, deviation = cohort_statistics(images.embeddings, cohort, nearest)

    def measure(first: Int[np.ndarray, "pairs"], second: Int[np.ndarray, "pairs"]) -> Float[np.ndarray, "pairs"]:
        negated = np.empty(len(first))
        for start in range(0, len(first), _PAIRS):
            one, other = first[start : start + _PAIRS], second[start : start + _PAIRS]
            cosines = np.einsum("pd,pd->p", unit[one], unit[other])
            scores = as_norm(cosines, (mean[one], deviation[one]), (mean[other], deviation[other]))
            negated[start : start + _PAIRS] = -scores
        return negated

    return measure


def normalised_pairs(pairs: ScoredPairs, images: EmbeddedImages, measure: Measure) -> ScoredPairs:
    """Return the pairs with the distances of `normalised_measure`.

    Args:
      pairs: the pairs, with the identities and numbers of their images.
      images: the embedded images that they name.
      measure: the distance of these images.

    Raises:
      ValueError: pairs without identities or numbers, or that name an image that is not embedded.
    """
    return dataclasses.replace(pairs, distances=measure(*image_rows(pairs, images)))


def cohort_statistics(
    embeddings: Float[np.ndarray, "images dim"], cohort: Cohort, nearest: int = NEAREST
) -> tuple[Float[np.ndarray, "images"], Float[np.ndarray, "images"]]:
    """Return mean and deviation of the cosine similarities of each image with its nearest cohort members.

    The images are compared with the cohort in blocks, so that memory does not grow with their number.

    Args:
      embeddings: raw embeddings of the images.
      cohort: the cohort.
      nearest: number of cohort members; a smaller cohort is used entirely.
    """
    mean, deviation = np.empty(len(embeddings)), np.empty(len(embeddings))
    for start in range(0, len(embeddings), _BLOCK):
        block = slice(start, start + _BLOCK)
        scores = unit_length(embeddings[block]) @ cohort.embeddings.T
        mean[block], deviation[block] = cohort_moments(scores, nearest, least_deviation=_LEAST_DEVIATION)
    return mean, deviation


def image_rows(pairs: ScoredPairs, images: EmbeddedImages) -> tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]]:
    """Return the rows of the two images of each pair among embedded images.

    Args:
      pairs: the pairs, with the identities and numbers of their images.
      images: the embedded images.

    Raises:
      ValueError: pairs without identities or numbers, or that name an image that is not embedded.
    """
    if pairs.identities is None or pairs.images is None:
        raise ValueError(f"{pairs.name}: expected the identities and image numbers of the pairs, found none")
    row_of = {key: row for row, key in enumerate(zip(images.identities.tolist(), images.numbers.tolist(), strict=True))}
    try:
        first, second = (
            [
                row_of[key]
                for key in zip(pairs.identities[:, side].tolist(), pairs.images[:, side].tolist(), strict=True)
            ]
            for side in (0, 1)
        )
    except KeyError as error:
        raise ValueError(f"{pairs.name}: names {error.args[0]}, which is not among the embedded images") from None
    return np.asarray(first, np.int64), np.asarray(second, np.int64)
