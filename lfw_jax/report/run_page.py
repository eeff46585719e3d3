"""The page of a run, `report.html`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.calibration_section import calibration_sections
from lfw_jax.report.data_summary import DataSummary, data_section
from lfw_jax.report.error_rates_section import acquisition_section, all_pairs_section, listed_section
from lfw_jax.report.evaluation_sets import sets_section
from lfw_jax.report.identification_section import identification_section
from lfw_jax.report.page import Reproduction, Section, write_page
from lfw_jax.report.sections import baseline_section, training_section, verification_headline, verification_section
from lfw_jax.training.history import HistoryRow


@dataclasses.dataclass(frozen=True, eq=False)
class RunReport:
    """The content of the page of a run.

    Attributes:
      metrics: the metrics of the run.
      pairs: the scored test pairs.
      errors: the section of the worst errors.
      history: the training history.
      data: the data of the run.
      objective: description of the training objective.
      config: the whole configuration.
    """

    metrics: RunMetrics
    pairs: ScoredPairs
    errors: Section
    history: Sequence[HistoryRow]
    data: DataSummary
    objective: str
    config: str


def write_run_page(path: Path, report: RunReport) -> None:
    """Write the page of a run atomically.

    Args:
      path: the file; its folder must exist.
      report: the content.
    """
    metrics = report.metrics
    sections = [verification_section(metrics.test, report.pairs)]
    sections += calibration_sections(metrics.calibration, metrics.score_normalisation)
    if metrics.sets or metrics.failed_sets:
        sections.append(sets_section(list(metrics.sets.values()), metrics.leaking, metrics.failed_sets))
    sections.append(listed_section(metrics.test))
    if metrics.all_pairs:
        sections.append(all_pairs_section(metrics.all_pairs))
    if metrics.acquisition:
        sections.append(acquisition_section(metrics.acquisition))
    sections += [baseline_section(metrics.test, metrics.baseline), report.errors]
    if identified := metrics.identified:
        sections.append(identification_section(identified))
    if any(row.loss is not None for row in report.history):
        sections.append(training_section(report.history))
    sections.append(data_section(report.data))
    write_page(
        path,
        title=f"Face verification: {metrics.config}",
        subtitle=f"{report.objective}; {metrics.checkpoint} checkpoint, step {metrics.step:,}",
        headline=verification_headline(metrics.test),
        sections=sections,
        reproduction=Reproduction(metrics.command, report.config, metrics.environment),
        notice="; ".join(
            [
                *(f"{name} could not be evaluated" for name in metrics.failed_sets),
                *(
                    f"{count} identities of {name} are in the training set, so its metrics are too optimistic"
                    for name, count in metrics.leaking.items()
                ),
            ]
        ),
    )
