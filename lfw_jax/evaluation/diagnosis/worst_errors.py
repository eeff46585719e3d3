"""The worst errors: the pairs that a threshold classifies wrongly with the largest margin."""

import dataclasses
from typing import Literal

import numpy as np
from jaxtyping import Int

from lfw_jax.evaluation.scores import ScoredPairs


@dataclasses.dataclass(frozen=True, eq=False)
class WorstErrors:
    """The errors of one kind, the largest first.

    Attributes:
      kind: "false matches", different pairs below the threshold, or "false non-matches", same pairs at or above it.
      count: number of errors of this kind.
      of: number of pairs that could be such an error.
      indices: indices of the worst of them in the scored pairs.
    """

    kind: Literal["false matches", "false non-matches"]
    count: int
    of: int
    indices: Int[np.ndarray, "shown"]


def worst_errors(pairs: ScoredPairs, threshold: float, *, at_most: int) -> tuple[WorstErrors, WorstErrors]:
    """Return the worst false matches and the worst false non-matches of a threshold.

    Args:
      pairs: the scored pairs.
      threshold: distances below it are accepted as one identity.
      at_most: number of pairs to select of either kind.
    """
    accepted = pairs.distances < threshold
    false_accepts, false_rejects = np.flatnonzero(accepted & ~pairs.same), np.flatnonzero(~accepted & pairs.same)
    nearest = false_accepts[np.argsort(pairs.distances[false_accepts], kind="stable")]
    farthest = false_rejects[np.argsort(-pairs.distances[false_rejects], kind="stable")]
    same_pairs = int(pairs.same.sum())
    return (
        WorstErrors("false matches", len(nearest), len(pairs) - same_pairs, nearest[:at_most]),
        WorstErrors("false non-matches", len(farthest), same_pairs, farthest[:at_most]),
    )
