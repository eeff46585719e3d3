"""Simulated pairs whose errors depend on their identities, and the coverage of intervals.

An identity has a normal effect; a pair has the sum of the effects of its identities, and normal noise. A pair is an error if that
sum is below a limit, so that the true rate is exact: the limit is the quantile of the normal sum.
"""

import dataclasses
import statistics
from collections.abc import Callable

import numpy as np

from lfw_jax.evaluation.intervals.bootstrap import KINDS, identity_weights
from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph, identity_graph
from lfw_jax.evaluation.intervals.percentiles import bootstrap_intervals, percentiles
from lfw_jax.evaluation.intervals.rates import rate_interval
from lfw_jax.evaluation.intervals.weighted_metrics import weighted_means
from lfw_jax.evaluation.thresholds import wilson_interval

LEVEL = 0.95
METHODS = ("naive Wilson", "adjusted Wilson", "vertex", "double or nothing", "corrected vertex")
_AT_ONCE = 500


@dataclasses.dataclass(frozen=True, eq=False)
class Setting:
    """A list of pairs of one kind, with the rate and the dependence of their errors.

    Attributes:
      name: description of the list.
      rate: true rate of errors.
      effect: standard deviation of the effect of an identity, relative to that of the noise of a pair.
      sample: a function from a random generator to the identities of the pairs.
      pairs_are: "different" or "same", which makes the rate a false match rate or a false non-match rate.
    """

    name: str
    rate: float
    effect: float
    sample: Callable[[np.random.Generator], np.ndarray]
    pairs_are: str


def settings() -> tuple[Setting, ...]:
    """Return the settings of the table: complete, sparse and uneven lists, of many and of few identities."""
    different = [
        ("3,000 pairs of 1,700 identities, as in LFW", 0.05, 0.4, _sparse(3000, 1700, 0.5)),
        ("500 pairs of 1,700 identities, as in View 1", 0.05, 0.4, _sparse(500, 1700, 0.5)),
        ("600 pairs of 100 identities", 0.1, 0.4, _sparse(600, 100, 0.0)),
        ("all 1,770 pairs of 60 identities", 0.05, 0.4, _complete(60)),
        ("all 435 pairs of 30 identities", 0.3, 0.4, _complete(30)),
        ("3,000 pairs, a few identities in many", 0.05, 0.4, _sparse(3000, 1700, 1.0)),
        ("all 4,950 pairs of 100 identities", 0.01, 0.4, _complete(100)),
        ("all 4,950 pairs of 100 identities", 0.001, 0.4, _complete(100)),
    ]
    same = [
        ("3,000 pairs of 1,700 identities, as in LFW", 0.1, 0.8, _sparse(3000, 1700, 0.5)),
        ("1,000 pairs, 5 of each of 200 identities", 0.05, 0.8, _equal(200, 5)),
        ("600 pairs, 10 of each of 60 identities", 0.1, 0.8, _equal(60, 10)),
        ("200 pairs, 10 of each of 20 identities", 0.2, 0.8, _equal(20, 10)),
        ("3,000 pairs, a few identities in many", 0.1, 0.8, _sparse(3000, 1700, 1.0)),
    ]
    return tuple(
        Setting(name, rate, effect, sample, kind)
        for kind, rows in (("different", different), ("same", same))
        for name, rate, effect, sample in rows
    )


def coverage(
    setting: Setting, *, repetitions: int, seed: int = 0, resamples: int = 1000, bootstraps: bool = True
) -> dict[str, tuple[float, float]]:
    """Return the share of repetitions whose interval covers the true rate, and the mean width, by method.

    Args:
      setting: the list of pairs and its errors. The identities of the pairs are the same in all repetitions.
      repetitions: number of samples of the effects and the noise.
      seed: seed of all samples.
      resamples: number of resamples of a bootstrap.
      bootstraps: false to leave the bootstraps out.
    """
    generator = np.random.default_rng(seed)
    identities = setting.sample(generator)
    if setting.pairs_are == "same":
        identities[:, 1] = identities[:, 0]
    graph = identity_graph(identities)
    ends: dict[str, list[np.ndarray]] = {name: [] for name in METHODS}
    for start in range(0, repetitions, _AT_ONCE):
        errors = _errors(setting, graph, min(_AT_ONCE, repetitions - start), generator)
        ends["naive Wilson"].append(np.asarray([wilson_interval(int(e.sum()), len(e), LEVEL) for e in errors.T]))
        ends["adjusted Wilson"].append(np.asarray([rate_interval(e, graph, confidence=LEVEL).ends for e in errors.T]))
        if bootstraps:
            _bootstraps(ends, graph, errors.astype(np.float64), resamples, seed=seed + start)
    found = {name: np.concatenate(parts) for name, parts in ends.items() if parts}
    return {
        name: (float(np.mean((low <= setting.rate) & (setting.rate <= high))), float(np.mean(high - low)))
        for name, (low, high) in ((name, bounds.T) for name, bounds in found.items())
    }


def _bootstraps(ends: dict[str, list[np.ndarray]], graph: IdentityGraph, errors: np.ndarray, resamples: int, seed: int):
    def statistic(weights: np.ndarray) -> np.ndarray:
        return weighted_means(weights, errors)

    for kind, name in zip(KINDS, ("vertex", "double or nothing"), strict=True):
        blocks = identity_weights(graph, resamples=resamples, kind=kind, seed=seed)
        values = np.concatenate([statistic(weights) for weights in blocks])
        ends[name].append(np.stack(percentiles(values, LEVEL), axis=1))
    found = bootstrap_intervals(statistic, graph, errors.mean(axis=0), resamples=resamples, confidence=LEVEL, seed=seed)
    ends["corrected vertex"].append(np.asarray([one.ends for one in found]))


def _errors(setting: Setting, graph: IdentityGraph, repetitions: int, generator: np.random.Generator) -> np.ndarray:
    effects = setting.effect * generator.standard_normal((graph.vertices, repetitions), dtype=np.float32)
    latent = generator.standard_normal((len(graph), repetitions), dtype=np.float32)
    latent += effects[graph.first]
    terms = 1
    if setting.pairs_are == "different":
        latent += effects[graph.second]
        terms = 2
    deviation = (1 + terms * setting.effect**2) ** 0.5
    return latent < statistics.NormalDist().inv_cdf(setting.rate) * deviation


def _sparse(pairs: int, identities: int, unevenness: float) -> Callable[[np.random.Generator], np.ndarray]:
    """Return a sampler of pairs of two identities, chosen with probabilities that fall as a power of their rank."""

    def sample(generator: np.random.Generator) -> np.ndarray:
        probability = 1 / (np.arange(identities) + 3.0) ** unevenness
        chosen = generator.choice(identities, (2 * pairs, 2), p=probability / probability.sum())
        return chosen[chosen[:, 0] != chosen[:, 1]][:pairs]

    return sample


def _complete(identities: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda generator: np.stack(np.triu_indices(identities, 1), axis=1)  # noqa: ARG005


def _equal(identities: int, each: int) -> Callable[[np.random.Generator], np.ndarray]:
    return lambda generator: np.repeat(np.arange(identities), 2 * each).reshape(-1, 2)  # noqa: ARG005
