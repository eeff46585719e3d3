"""Metrics of weighted pairs, for many sets of weights at once: a bootstrap sorts the distances once."""

import numpy as np
from jaxtyping import Bool, Float, Int


class WeightedPairs:
    """Distances and labels of pairs, for metrics with many sets of weights `[resamples, pairs]`.

    A pair of weight 2 counts as two equal pairs, a pair of weight 0 is absent. A metric that a resample does not have, because
    all pairs of a kind have weight 0, is NaN.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.
      columns: column of each pair in the weights, for some of the pairs of a list; by default all columns in order.
    """

    def __init__(
        self,
        distances: Float[np.ndarray, "pairs"],
        same: Bool[np.ndarray, "pairs"],
        columns: Int[np.ndarray, "pairs"] | None = None,
    ):
        order = np.argsort(distances, kind="stable")
        self._columns = order if columns is None else columns[order]
        self._distances, self._same = distances[order], same[order]
        self._values = np.unique(distances)
        self._ties = len(self._values) < len(distances)

    def auc(self, weights: Float[np.ndarray, "resamples pairs"]) -> Float[np.ndarray, "resamples"]:
        """Return the area under the ROC curve in each resample; ties count half.

        Args:
          weights: weight of each pair in each resample.
        """
        same, different = self._distances[self._same], self._distances[~self._same]
        nearer = _cumulative(np.take(weights, self._columns[~self._same], axis=1))
        of_same = np.take(weights, self._columns[self._same], axis=1)
        lost = np.einsum("rs,rs->r", of_same, np.take(nearer, np.searchsorted(different, same, "left"), axis=1))
        if self._ties:
            up_to = np.take(nearer, np.searchsorted(different, same, "right"), axis=1)
            lost = (lost + np.einsum("rs,rs->r", of_same, up_to)) / 2
        return 1 - _ratio(lost, of_same.sum(axis=1) * nearer[:, -1])

    def best(self, rule: str, weights: Float[np.ndarray, "resamples pairs"]) -> Float[np.ndarray, "resamples"]:
        """Return the best threshold in each resample, as `thresholds.RULES` do for one list.

        Among equally good thresholds, it is the middle of the widest gap; among equally wide gaps, of the smallest.

        Args:
          rule: "accuracy" or "f1".
          weights: weight of each pair in each resample, whole numbers, so that equal scores are equal.

        Raises:
          KeyError: another rule.
        """
        return self._middle_of_widest({"accuracy": self._correct, "f1": self._f1}[rule](weights), weights)

    def _accepted(
        self, weights: Float[np.ndarray, "resamples pairs"], kind: Bool[np.ndarray, "pairs"]
    ) -> Float[np.ndarray, "resamples gaps"]:
        """Return the weight of the pairs of a kind that a threshold in each gap between distances accepts.

        Gap 0 lies below all distances, gap k above k distinct ones.
        """
        positions = np.searchsorted(self._distances[kind], self._values, side="right")
        sums = _cumulative(np.take(weights, self._columns[kind], axis=1))
        return np.take(sums, np.append(0, positions), axis=1)

    def _correct(self, weights: Float[np.ndarray, "resamples pairs"]) -> Float[np.ndarray, "resamples gaps"]:
        """Return the weight of the correctly classified pairs in each gap, less that of all different pairs."""
        signed = np.take(weights, self._columns, axis=1)
        signed *= np.where(self._same, 1.0, -1.0)
        sums = _cumulative(signed)
        if not self._ties:
            return sums
        return np.take(sums, np.append(0, np.searchsorted(self._distances, self._values, side="right")), axis=1)

    def _f1(self, weights: Float[np.ndarray, "resamples pairs"]) -> Float[np.ndarray, "resamples gaps"]:
        true, false = self._accepted(weights, self._same), self._accepted(weights, ~self._same)
        false += true
        false += true[:, -1:]
        true *= 2
        return np.divide(true, np.maximum(false, 1, out=false), out=true)

    def _middle_of_widest(
        self, scores: Float[np.ndarray, "resamples gaps"], weights: Float[np.ndarray, "resamples pairs"]
    ) -> Float[np.ndarray, "resamples"]:
        """Return the middle of the widest run of gaps with the greatest score in each resample."""
        row, gap = np.divmod(np.flatnonzero(scores == scores.max(axis=1, keepdims=True)), scores.shape[1])
        begins = np.append(True, (np.diff(row) != 0) | (np.diff(gap) != 1))
        ends = np.append(begins[1:], True)
        run = row[begins]
        edges = np.concatenate([[-np.inf], self._values, [np.inf]])
        low, high = edges[gap[begins]], edges[gap[ends] + 1]
        self._bound(run, low, high, weights)
        # Runs are sorted by resample and position, so the first of the widest in a resample is the smallest.
        first = np.lexsort((np.arange(len(run)), low - high, run))
        first = first[np.append(True, np.diff(run[first]) != 0)]
        low, high = low[first], high[first]
        # Between neighbouring floats the middle rounds to one of them, and only the upper one is in the gap.
        middle = np.clip(low / 2 + high / 2, np.nextafter(low, np.inf), high)
        # Without pairs all scores are 0, the last gap's included.
        for i in np.flatnonzero(scores[:, -1] == 0):
            middle[i] = middle[i] if weights[i, self._columns].any() else np.nan
        return middle

    def _bound(self, run: np.ndarray, low: np.ndarray, high: np.ndarray, weights: np.ndarray) -> None:
        """Move unbounded ends of runs next to the outermost distance of their resample, so that they are one float wide."""
        for i in np.flatnonzero(~np.isfinite(low) | ~np.isfinite(high)):
            present = self._distances[weights[run[i], self._columns] > 0]
            if not np.isfinite(low[i]):
                low[i] = np.nextafter(present.min(initial=self._values[-1]), -np.inf)
            if not np.isfinite(high[i]):
                high[i] = np.nextafter(present.max(initial=self._values[0]), np.inf)


def weighted_means(
    weights: Float[np.ndarray, "resamples pairs"],
    values: Float[np.ndarray, "pairs metrics"] | Bool[np.ndarray, "pairs metrics"],
) -> Float[np.ndarray, "resamples metrics"]:
    """Return the weighted mean of each value in each resample; NaN where all weights are 0.

    Args:
      weights: weight of each pair in each resample.
      values: values of each pair, such as its errors at several thresholds.
    """
    return _ratio(weights @ np.asarray(values, np.float64), weights.sum(axis=1, keepdims=True))


def _cumulative(values: Float[np.ndarray, "resamples chosen"]) -> Float[np.ndarray, "resamples sums"]:
    """Return the sums of the first 0, 1, 2, … values of each resample."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    whole = np.broadcast_to(whole, part.shape)
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
