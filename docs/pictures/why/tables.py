"""The tables of docs/why.md, as Markdown."""

from collections.abc import Mapping, Sequence

from docs.pictures.why.ablation import differences_to_baseline, label_of
from lfw_jax.evaluation.comparison.compare import AUC, HELD_OUT
from lfw_jax.evaluation.comparison.compared_runs import EvaluatedRun
from lfw_jax.evaluation.comparison.results import ComparisonMetrics
from lfw_jax.evaluation.diagnosis.separation import separation
from lfw_jax.report.comparison.differences import difference, difference_interval
from lfw_jax.report.comparison.tables import SIGNIFICANT
from lfw_jax.report.formatting import MISSING, number


def distance_table(runs: Mapping[str, EvaluatedRun]) -> list[str]:
    """Return the distances and the embedding space of each run, one line per run below the head.

    Args:
      runs: the runs by their label.
    """
    rows = []
    for label, run in runs.items():
        pairs = run.decisions.pairs
        found = separation(pairs.distances, pairs.same)
        diagnosis = run.finished.metrics.diagnosis
        space = diagnosis.space if diagnosis else None
        rows.append(
            [
                label,
                f"{found.same_mean:.2f} ± {found.same_std:.2f}",
                f"{found.different_mean:.2f} ± {found.different_std:.2f}",
                number(found.d_prime, 2),
                f"{100 * found.overlap:.0f} %",
                number(space.effective_rank if space else None, 1),
                number(space.mean_direction if space else None, 2),
            ]
        )
    head = ["Run", "Distance of same pairs", "of different pairs", "d′", "Overlap", "Effective rank", "Mean direction"]
    return markdown([head, *rows])


def seen_and_unseen_table(runs: Mapping[str, EvaluatedRun]) -> list[str]:
    """Return the distances of same pairs of seen and unseen identities, and the share of different pairs beyond 1.

    Args:
      runs: the runs by their label; those without development pairs are left out.
    """
    rows = []
    for label, run in runs.items():
        if run.development is not None:
            test, seen = run.decisions.pairs, run.development
            means = [f"{pairs.distances[pairs.same].mean():.2f}" for pairs in (seen, test)]
            rows.append([label, *means, f"{100 * (test.distances[~test.same] > 1).mean():.0f} %"])
    head = ["Run", "Same pairs of pairsDevTrain", "of pairsDevTest", "Different pairs of pairsDevTest farther than 1"]
    return markdown([head, *rows])


def ablation_table(metrics: ComparisonMetrics) -> list[str]:
    """Return the difference of each run to the baseline, the worst first, one line per run below the head.

    Args:
      metrics: the comparison, whose first run is the baseline.

    Raises:
      UserError: it has no difference to the baseline.
    """
    found = differences_to_baseline(metrics)
    runs = {run.name: run for run in metrics.runs}
    rows = []
    for name in sorted(found[AUC], key=lambda name: found[AUC][name].difference):
        auc, accuracy = found[AUC][name], found[HELD_OUT].get(name)
        run = runs[name]
        rows.append(
            [
                label_of(run.config, name),
                f"{run.auc.value:.3f}",
                f"{difference(auc)} ({difference_interval(auc)})",
                f"{difference(accuracy)} ({difference_interval(accuracy)})" if accuracy else MISSING,
                "within noise" if auc.adjusted_p_value >= SIGNIFICANT else "better" if auc.difference > 0 else "worse",
            ]
        )
    head = ["Change", "AUC", "Difference (95 %)", "Accuracy, threshold from held-out identities", "AUC is"]
    return markdown([head, *rows])


def markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table.

    Args:
      rows: its cells, head first.
    """
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return [head, "|" + "---|" * len(rows[0]), *body]
