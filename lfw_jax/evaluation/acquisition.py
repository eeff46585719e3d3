"""Failures to acquire: images in which no face was detected are counted, and never dropped.

Such an image is evaluated with the centre of the image as its crop. A system that refuses it instead rejects every pair with it.
"""

from collections.abc import Collection, Mapping

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.pair_thresholds import pair_thresholds
from lfw_jax.evaluation.rate_results import AcquisitionRates, AcquisitionResult
from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.scores import ScoredPairs


def acquisition(
    pairs: ScoredPairs,
    undetected: Collection[tuple[str, int]],
    thresholds: Mapping[str, float | Float[np.ndarray, "pairs"]],
) -> AcquisitionResult:
    """Return the failures to acquire among scored pairs, and the error rates with and without them.

    Source: ISO/IEC 19795-1. FMR and FNMR are rates of comparisons. FAR and FRR are rates of transactions: a same pair with a
    failure to acquire counts as falsely rejected, and a different pair with one is not falsely accepted.

    Args:
      pairs: the scored pairs, with the names and numbers of their images.
      undetected: name and number of each image without a detected face.
      thresholds: the thresholds by their origin, each one number or one per pair.

    Raises:
      ValueError: pairs whose images are unknown.
    """
    if pairs.identities is None or pairs.images is None:
        raise ValueError(f"{pairs.name}: expected the images of the pairs, found none")
    keys = list(zip(pairs.identities.ravel().tolist(), pairs.images.ravel().tolist(), strict=True))
    first, second = np.array([key in undetected for key in keys]).reshape(-1, 2).T
    failed = first | second
    distinct = set(keys)
    rates = tuple(_rates(label, pairs, pairs.distances < value, failed, value) for label, value in thresholds.items())
    return AcquisitionResult(
        images=len(distinct),
        undetected=len(distinct & set(undetected)),
        same_pairs=int(np.sum(failed & pairs.same)),
        different_pairs=int(np.sum(failed & ~pairs.same)),
        rates=rates,
    )


def _rates(
    label: str,
    pairs: ScoredPairs,
    accepted: Bool[np.ndarray, "pairs"],
    failed: Bool[np.ndarray, "pairs"],
    threshold: float | Float[np.ndarray, "pairs"],
) -> AcquisitionRates:
    same, different = pairs.same, ~pairs.same
    return AcquisitionRates(
        label=label,
        threshold=float(np.mean(threshold)),
        false_match_rate=float(np.mean(accepted[different])),
        false_non_match_rate=float(np.mean(~accepted[same])),
        false_accept_rate=float(np.mean((accepted & ~failed)[different])),
        false_reject_rate=float(np.mean((~accepted | failed)[same])),
    )


def thresholds_in_use(result: ListResult, pairs: ScoredPairs) -> dict[str, float | Float[np.ndarray, "pairs"]]:
    """Return the thresholds of a result with the best accuracy, by the pairs that they were chosen on.

    Args:
      result: the result.
      pairs: its pairs; a list that is evaluated by folds has the threshold of its fold for each pair.
    """
    best = result.by_rule("accuracy")
    found: dict[str, float | Float[np.ndarray, pairs]] = {best.chosen_on: best.threshold}
    if result.folds and pairs.folds is not None:
        found[best.chosen_on] = pair_thresholds(result, pairs)
    if held_out := result.held_out_threshold:
        found[held_out.chosen_on] = held_out.threshold
    return found
