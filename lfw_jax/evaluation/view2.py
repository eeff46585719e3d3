"""The content of `view2.json`: the metrics over all folds of LFW's View 2, one model per fold."""

import dataclasses
from collections.abc import Sequence

from lfw_jax.evaluation.finished_runs import FinishedRun, missing_folds
from lfw_jax.evaluation.fold_figures import fold_figures
from lfw_jax.evaluation.results import FoldsResult, ThresholdResult

SCHEMA = 1
"""Version of the layout of `view2.json`; it changes whenever a key is added, removed or redefined."""


@dataclasses.dataclass(frozen=True)
class View2Metrics:
    """The metrics over the folds of View 2. The fields, in order, are the keys of `view2.json`.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      protocol: "view2".
      command: command line that reproduces the file.
      folders: work directory of each fold.
      accuracy: accuracies at the thresholds with the best accuracy on the other folds.
      accuracy_at_best_f1: accuracies at the thresholds with the best F1 on the other folds.
      accuracy_at_held_out_threshold: accuracies at the thresholds that are best on the identities held out of each training;
        None unless every run has one.
      auc_mean: mean of the areas under the ROC curves.
      auc: area under the ROC curve of each fold.
      category: LFW's category of the result, by the data from outside LFW that contributed to it; None if the runs do not
        state it.
      missing_folds: folds that are not evaluated yet: while there are any, the metrics are preliminary.
    """

    schema: int
    protocol: str
    command: str
    folders: tuple[str, ...]
    accuracy: FoldsResult
    accuracy_at_best_f1: FoldsResult
    accuracy_at_held_out_threshold: FoldsResult | None
    auc_mean: float
    auc: tuple[float, ...]
    category: str | None = None
    missing_folds: tuple[int, ...] = ()

    @property
    def preliminary(self) -> str:
        """The text "preliminary, 4 of 10 folds" while folds are missing, "" when there are none."""
        evaluated = len(self.folders)
        return f"preliminary, {evaluated} of {evaluated + len(self.missing_folds)} folds" if self.missing_folds else ""


def view2_metrics(runs: Sequence[FinishedRun], *, command: str) -> View2Metrics:
    """Return the metrics over the folds of View 2.

    Args:
      runs: at least two runs, one per fold, in the order of the folds.
      command: command line that reproduces the metrics.
    """
    held_out = [run.test.held_out_threshold for run in runs]
    present = [result for result in held_out if result is not None]
    aucs = tuple(run.test.auc for run in runs)
    return View2Metrics(
        schema=SCHEMA,
        protocol="view2",
        command=command,
        folders=tuple(str(run.folder) for run in runs),
        accuracy=_over_folds("accuracy", [run.test.by_rule("accuracy") for run in runs]),
        accuracy_at_best_f1=_over_folds("f1", [run.test.by_rule("f1") for run in runs]),
        accuracy_at_held_out_threshold=_over_folds("accuracy", present) if len(present) == len(runs) else None,
        auc_mean=sum(aucs) / len(aucs),
        auc=aucs,
        category=_category(runs),
        missing_folds=missing_folds(runs),
    )


def _category(runs: Sequence[FinishedRun]) -> str | None:
    found = {run.metrics.category for run in runs}
    return found.pop() if len(found) == 1 else None


def _over_folds(rule: str, results: Sequence[ThresholdResult]) -> FoldsResult:
    return fold_figures(rule, [result.accuracy for result in results], [result.threshold for result in results])
