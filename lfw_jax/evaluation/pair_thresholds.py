"""The threshold at which each pair of an evaluated list was decided."""

import numpy as np
from jaxtyping import Float

from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.scores import ScoredPairs


def pair_thresholds(result: ListResult, pairs: ScoredPairs) -> Float[np.ndarray, "pairs"]:
    """Return the threshold with the best accuracy for each pair: that of its list, or of its fold.

    Args:
      result: the metrics of the list.
      pairs: its scored pairs.

    Raises:
      ValueError: the pairs have another number of folds than the result has thresholds.
    """
    if result.folds is None or pairs.folds is None:
        return np.full(len(pairs), result.by_rule("accuracy").threshold)
    labels, index = np.unique(pairs.folds, return_inverse=True)
    if len(labels) != len(result.folds.thresholds):
        raise ValueError(f"found pairs of {len(labels)} folds, and {len(result.folds.thresholds)} thresholds")
    return np.asarray(result.folds.thresholds)[index]
