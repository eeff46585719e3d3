"""The content of a run's TensorBoard events: its validations and its final results."""

from collections.abc import Mapping
from typing import Any

from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import VerificationResult
from lfw_jax.report.figures import distance_histograms, roc_curve
from lfw_jax.report.formatting import threshold_lines
from lfw_jax.report.tensorboard import TensorBoard

EVALUATION = "evaluation"
"""The part of the events that an evaluation writes, and the next one replaces."""

_ACCURACY, _AUC = "validation/accuracy", "validation/auc"
_FINAL = (
    "test/accuracy_by_accuracy",
    "test/accuracy_by_held_out_identities",
    "test/auc",
    "test/equal_error_rate",
    _ACCURACY,
    _AUC,
)


def log_validation(board: TensorBoard, step: int, result: VerificationResult) -> None:
    """Write a validation: its metrics, distances and precision-recall curve.

    Args:
      board: where to write.
      step: the step of the validated state.
      result: the result on the held-out pairs, by folds.
    """
    metrics, pairs = result.metrics, result.pairs
    scalars = {_AUC: metrics.auc} | ({_ACCURACY: metrics.folds.mean} if metrics.folds else {})
    board.scalars(step, scalars)
    board.histogram(step, "validation/distances_same", pairs.distances[pairs.same])
    board.histogram(step, "validation/distances_different", pairs.distances[~pairs.same])
    board.pr_curve(step, "validation/precision_recall", pairs.distances, pairs.same)


def log_results(
    board: TensorBoard, metrics: RunMetrics, pairs: ScoredPairs, *, config: str, options: Mapping[str, Any]
) -> None:
    """Write the metrics of a run at its step, with the curves of its test pairs and the hyperparameters.

    Args:
      board: where to write.
      metrics: the metrics of the run.
      pairs: the scored test pairs.
      config: the whole configuration.
      options: the options of the configuration by their full names, such as `config.loss.margin`.
    """
    step, test = metrics.step, metrics.test
    scalars = {f"test/accuracy_by_{threshold.rule}": threshold.accuracy for threshold in test.thresholds}
    if test.held_out_threshold:
        scalars["test/accuracy_by_held_out_identities"] = test.held_out_threshold.accuracy
    scalars["test/auc"] = test.auc
    if test.error_rates:
        scalars["test/equal_error_rate"] = test.error_rates.equal_error_rate
    for name, item in metrics.sets.items():
        scalars[f"sets/{name}/accuracy"] = item.by_rule("accuracy").accuracy
        scalars[f"sets/{name}/auc"] = item.auc
    for member in metrics.members.members if metrics.members else ():
        scores = member.scores
        values = {"accuracy": scores.accuracy, "auc": scores.auc, "d_prime": scores.d_prime}
        scalars |= {f"members/{scores.name}/{name}": value for name, value in values.items() if value is not None}
    board.scalars(step, scalars)
    board.figure(step, "test/distances", distance_histograms(pairs, threshold_lines(test)))
    board.figure(step, "test/roc", roc_curve(pairs))
    board.pr_curve(step, "test/precision_recall", pairs.distances, pairs.same)
    board.hyperparameters(step, options, [tag for tag in _FINAL if tag in scalars or tag in (_ACCURACY, _AUC)])
    board.text("config", f"```\n{config}\n```")
