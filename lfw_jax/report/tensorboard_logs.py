"""The content of a run's TensorBoard events: its validations and its final results."""

from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.figures import distance_histograms, roc_curve
from lfw_jax.report.formatting import threshold_lines
from lfw_jax.report.tensorboard import TensorBoard


def log_results(board: TensorBoard, metrics: RunMetrics, pairs: ScoredPairs, *, config: str) -> None:
    """Write the metrics of a run at its step, with the plots of its test pairs.

    Args:
      board: where to write.
      metrics: the metrics of the run.
      pairs: the scored test pairs.
      config: the whole configuration.
    """
    step, test = metrics.step, metrics.test
    scalars = {f"test/accuracy_by_{threshold.rule}": threshold.accuracy for threshold in test.thresholds}
    if test.held_out_threshold:
        scalars["test/accuracy_by_held_out_identities"] = test.held_out_threshold.accuracy
    scalars["test/auc"] = test.auc
    for name, item in metrics.sets.items():
        scalars[f"sets/{name}/accuracy"] = item.by_rule("accuracy").accuracy
        scalars[f"sets/{name}/auc"] = item.auc
    board.scalars(step, scalars)
    board.figure(step, "test/distances", distance_histograms(pairs, threshold_lines(test)))
    board.figure(step, "test/roc", roc_curve(pairs))
    board.text("config", f"```\n{config}\n```")
