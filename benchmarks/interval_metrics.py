"""Coverage of the bootstrap intervals of the AUC and the best threshold on simulated distances."""

import statistics

import numpy as np

from benchmarks.interval_simulation import LEVEL
from lfw_jax.evaluation.intervals.identity_graph import identity_graph, unknown_identities
from lfw_jax.evaluation.intervals.percentiles import bootstrap_intervals
from lfw_jax.evaluation.intervals.weighted_metrics import WeightedPairs

MEANS = {"same": 0.9, "different": 1.3}
NOISE = 0.15
EFFECT = 0.1


def true_metrics() -> tuple[float, float]:
    """Return the AUC and the threshold with the greatest accuracy of the simulated population."""
    same, different = NOISE**2 + EFFECT**2, NOISE**2 + 2 * EFFECT**2
    gap = MEANS["different"] - MEANS["same"]
    auc = statistics.NormalDist().cdf(gap / (same + different) ** 0.5)
    # The densities of both kinds are equal there: a quadratic equation.
    a, b = 1 / different - 1 / same, 2 * (MEANS["same"] / same - MEANS["different"] / different)
    c = MEANS["different"] ** 2 / different - MEANS["same"] ** 2 / same + np.log(different / same)
    roots = np.roots([a, b, c])
    return auc, float(next(r for r in roots.real if MEANS["same"] < r < MEANS["different"]))


def metric_coverage(
    pairs: int, identities: int, *, repetitions: int, resamples: int, by_pairs: bool = False, seed: int = 0
) -> tuple[float, float]:
    """Return the share of intervals that cover the true AUC, and that of the true best threshold.

    Args:
      pairs: number of pairs, half of them of each kind.
      identities: number of identities from which the pairs are sampled.
      repetitions: number of samples.
      resamples: number of resamples of a bootstrap.
      by_pairs: true to resample pairs, as if they were independent.
      seed: seed of all samples.
    """
    generator = np.random.default_rng(seed)
    truth = np.asarray(true_metrics())
    same = np.arange(pairs) < pairs // 2
    covered = np.zeros(2)
    for repetition in range(repetitions):
        chosen = generator.integers(0, identities, (pairs, 2))
        chosen[:, 1] = np.where(
            same, chosen[:, 0], (chosen[:, 0] + generator.integers(1, identities, pairs)) % identities
        )
        effects = EFFECT * generator.standard_normal(identities)
        sums = effects[chosen[:, 0]] + np.where(same, 0.0, effects[chosen[:, 1]])
        distances = np.where(same, MEANS["same"], MEANS["different"]) + sums + NOISE * generator.standard_normal(pairs)
        weighted = WeightedPairs(distances, same)

        def metrics(weights: np.ndarray, weighted: WeightedPairs = weighted) -> np.ndarray:
            return np.stack([weighted.auc(weights), weighted.best("accuracy", weights)], axis=1)

        graph = unknown_identities(pairs) if by_pairs else identity_graph(chosen)
        estimates = metrics(np.ones((1, pairs)))[0].tolist()
        found = bootstrap_intervals(
            metrics, graph, estimates, resamples=resamples, confidence=LEVEL, seed=seed + repetition
        )
        covered += [one.low <= value <= one.high for one, value in zip(found, truth, strict=True)]
    return float(covered[0] / repetitions), float(covered[1] / repetitions)
