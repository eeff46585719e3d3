"""Paired comparison of several runs on the same pairs."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.comparison.resampling import (
    SortedScores,
    defined,
    percentile_interval,
    resampled_accuracies,
)
from lfw_jax.evaluation.comparison.results import Estimate, McNemar, PairedDifference
from lfw_jax.evaluation.comparison.same_pairs import check_same_pairs
from lfw_jax.evaluation.comparison.significance import bootstrap_p_value, holm, mcnemar
from lfw_jax.evaluation.intervals.bootstrap import edge_weights, identity_weights
from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph, graph_of
from lfw_jax.evaluation.intervals.percentiles import corrected
from lfw_jax.evaluation.pair_thresholds import pair_thresholds
from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.scores import ScoredPairs

RESAMPLES = 2000
_MOST_EDGE_RESAMPLES = 500  # they give a variance, not the ends of an interval
ALL_PAIRS_UP_TO = 6
"""Up to this number of runs, every run is compared with every other; beyond it, every run with the first."""

ACCURACY, HELD_OUT, AUC, EER = "accuracy", "accuracy at the held-out threshold", "auc", "equal error rate"

Samples = dict[str, dict[str, Float[np.ndarray, "resamples"]]]
"""By run and measure, the metric in each resample."""


@dataclasses.dataclass(frozen=True, eq=False)
class Decisions:
    """The pairs of one run and its decisions about them.

    Attributes:
      pairs: the scored pairs.
      correct: by measure, true where the pair is classified correctly: `ACCURACY` at the threshold of the protocol, and
        `HELD_OUT` at that of held-out identities if there is one.
    """

    pairs: ScoredPairs
    correct: Mapping[str, Bool[np.ndarray, "pairs"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """The estimates of several runs and the differences between them.

    Attributes:
      graph: the identities of the pairs.
      estimates: by run and measure, the metric with its interval.
      differences: the differences between the runs, by measure.
    """

    graph: IdentityGraph
    estimates: Mapping[str, Mapping[str, Estimate]]
    differences: tuple[PairedDifference, ...]


def decisions(pairs: ScoredPairs, result: ListResult) -> Decisions:
    """Return the decisions of a run at the thresholds that its result states.

    Args:
      pairs: the scored pairs of the test list.
      result: the result of the same evaluation.

    Raises:
      ValueError: the pairs do not give the accuracies of the result.
    """
    protocol = result.by_rule("accuracy")
    stated = {ACCURACY: protocol.accuracy}
    correct = {ACCURACY: (pairs.distances < pair_thresholds(result, pairs)) == pairs.same}
    if held_out := result.held_out_threshold:
        stated[HELD_OUT] = held_out.accuracy
        correct[HELD_OUT] = (pairs.distances < held_out.threshold) == pairs.same
    for measure, accuracy in stated.items():
        if abs(correct[measure].mean() - accuracy) > 1e-9:
            raise ValueError(f"the pairs give the {measure} {correct[measure].mean():.4f}, the result {accuracy:.4f}")
    return Decisions(pairs, correct)


def compare(runs: Mapping[str, Decisions], *, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Compare runs on the same pairs, by a bootstrap with the same resamples for all of them.

    Up to `ALL_PAIRS_UP_TO` runs, all pairs of runs are compared, beyond that every run with the first one.

    Args:
      runs: the decisions by the name of their run; at least one.
      resamples: number of resamples.
      seed: seed of the resamples.

    Raises:
      UserError: runs of different lists, or too few identities to resample them.
      ValueError: no run.
    """
    if not runs:
        raise ValueError("expected at least one run, found none")
    check_same_pairs({name: run.pairs for name, run in runs.items()})
    graph = graph_of(next(iter(runs.values())).pairs)
    edges = edge_weights(graph, resamples=min(resamples, _MOST_EDGE_RESAMPLES), seed=seed)
    samples = _Samples(
        graph,
        observed=_measured(runs, [np.ones((1, len(graph)))]),
        sampled=_measured(runs, identity_weights(graph, resamples=resamples, seed=seed)),
        of_edges=_measured(runs, edges),
    )
    estimates = {
        name: {measure: Estimate(*samples.estimate(measure, name)[:2]) for measure in samples.observed[name]}
        for name in runs
    }
    found: list[PairedDifference] = []
    for measure in (ACCURACY, HELD_OUT, AUC):
        if all(measure in estimates[name] for name in runs):
            found += _adjusted([_difference(measure, two, runs, samples) for two in _two_runs(list(runs))])
    return Comparison(graph, estimates, tuple(found))


@dataclasses.dataclass(frozen=True, eq=False)
class _Samples:
    """Every metric of every run, on the pairs themselves and in all resamples.

    Attributes:
      graph: the identities of the pairs.
      observed: on the pairs themselves, as arrays of one value.
      sampled: in each resample of the identities.
      of_edges: in each resample of the pairs of identities alone.
    """

    graph: IdentityGraph
    observed: Samples
    sampled: Samples
    of_edges: Samples

    def estimate(
        self, measure: str, run: str, reference: str | None = None
    ) -> tuple[float, tuple[float, float], Float[np.ndarray, "usable"]]:
        """Return a metric, or its difference to that of a reference, with its interval and its corrected resamples."""
        observed, sampled, of_edges = (
            part[run][measure] - (part[reference][measure] if reference else 0.0)
            for part in (self.observed, self.sampled, self.of_edges)
        )
        value = float(observed[0])
        estimate, usable = np.array([value]), defined(sampled)[:, None]
        usable = corrected(usable, of_edges[:, None], estimate, self.graph)[:, 0]
        usable = np.clip(usable, -1.0 if reference else 0.0, 1.0)
        return value, percentile_interval(usable, value), usable


def _two_runs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return each run to compare with its reference."""
    if len(names) <= ALL_PAIRS_UP_TO:
        return [(run, reference) for reference, run in itertools.combinations(names, 2)]
    return [(run, names[0]) for run in names[1:]]


def _measured(runs: Mapping[str, Decisions], blocks: Iterable[Float[np.ndarray, "block pairs"]]) -> Samples:
    """Return every metric of every run for the weights of each resample."""
    scores = {name: SortedScores.of(run.pairs) for name, run in runs.items()}
    parts: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in runs}
    for weights in blocks:
        for name, run in runs.items():
            areas, rates = scores[name].curve_figures(weights)
            figures = {
                measure: resampled_accuracies(correct, run.pairs.same, weights)
                for measure, correct in run.correct.items()
            }
            for measure, values in (figures | {AUC: areas, EER: rates}).items():
                parts[name].setdefault(measure, []).append(values)
    return {
        name: {measure: np.concatenate(values) for measure, values in measures.items()}
        for name, measures in parts.items()
    }


def _difference(
    measure: str, two: tuple[str, str], runs: Mapping[str, Decisions], samples: _Samples
) -> PairedDifference:
    """Return the difference of two runs, with p-values that are not adjusted yet."""
    run, reference = two
    test = None
    if measure != AUC:
        only_run, only_reference, p_value = mcnemar(runs[run].correct[measure], runs[reference].correct[measure])
        test = McNemar(only_run, only_reference, p_value, p_value)
    difference, interval, resampled = samples.estimate(measure, run, reference)
    p_value = bootstrap_p_value(resampled)
    return PairedDifference(
        run=run,
        reference=reference,
        measure=measure,
        difference=difference,
        interval=interval,
        p_value=p_value,
        adjusted_p_value=p_value,
        mcnemar=test,
    )


def _adjusted(differences: Sequence[PairedDifference]) -> list[PairedDifference]:
    """Return the differences of one measure with Holm's correction of both p-values."""
    adjusted = holm([one.p_value for one in differences])
    mcnemar_adjusted = iter(holm([one.mcnemar.p_value for one in differences if one.mcnemar]))
    return [
        dataclasses.replace(
            one,
            adjusted_p_value=p_value,
            mcnemar=one.mcnemar and dataclasses.replace(one.mcnemar, adjusted_p_value=next(mcnemar_adjusted)),
        )
        for one, p_value in zip(differences, adjusted, strict=True)
    ]
