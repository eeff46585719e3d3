"""The page of a run, `report.html`."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.calibration_section import calibration_sections
from lfw_jax.report.data_summary import DataSummary, data_section
from lfw_jax.report.diagnosis_section import (
    conditions_section,
    diagnosis_section,
    embeddings_section,
    identities_section,
)
from lfw_jax.report.error_rate_charts import error_rate_charts
from lfw_jax.report.error_rates_section import acquisition_section, all_pairs_section, listed_section
from lfw_jax.report.evaluation_sets import sets_section
from lfw_jax.report.identification_section import identification_section
from lfw_jax.report.members_section import members_section
from lfw_jax.report.page import Reproduction, Section, write_page
from lfw_jax.report.sections import baseline_section, training_section, verification_headline, verification_section
from lfw_jax.report.thumbnails import Thumbnails
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
      thumbnails: thumbnails of images of the test pairs; None for none.
      label_errors: the section of likely label errors; None without a diagnosis.
    """

    metrics: RunMetrics
    pairs: ScoredPairs
    errors: Section
    history: Sequence[HistoryRow]
    data: DataSummary
    objective: str
    config: str
    thumbnails: Thumbnails | None = None
    label_errors: Section | None = None


def write_run_page(path: Path, report: RunReport) -> None:
    """Write the page of a run atomically.

    Args:
      path: the file; its folder must exist.
      report: the content.
    """
    metrics = report.metrics
    write_page(
        path,
        title=f"Face verification: {metrics.config}",
        subtitle=report.objective
        + (f"; {metrics.checkpoint} checkpoint, step {metrics.step:,}" if metrics.step else ""),
        headline=verification_headline(metrics.test),
        sections=_sections(report),
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


def _sections(report: RunReport) -> list[Section]:
    """Return the sections that the report has content for, in the order of the page."""
    metrics, diagnosis = report.metrics, report.metrics.diagnosis
    sections = [
        diagnosis and diagnosis_section(diagnosis),
        verification_section(metrics.test, report.pairs, report.thumbnails),
        metrics.members and members_section(metrics.members),
        listed_section(metrics.test, error_rate_charts(report.pairs, metrics.all_pairs)),
        metrics.all_pairs and all_pairs_section(metrics.all_pairs),
        metrics.acquisition and acquisition_section(metrics.acquisition),
        *calibration_sections(metrics.calibration, metrics.score_normalisation),
        report.errors,
        diagnosis and conditions_section(diagnosis),
        diagnosis and identities_section(diagnosis),
        report.label_errors,
        diagnosis and embeddings_section(diagnosis),
        identification_section(metrics.identified) if metrics.identified else None,
    ]
    if metrics.sets or metrics.failed_sets:
        sections.append(sets_section(list(metrics.sets.values()), metrics.leaking, metrics.failed_sets))
    sections.append(baseline_section(metrics.test, metrics.baseline))
    if any(row.loss is not None for row in report.history):
        sections.append(training_section(report.history))
    return [section for section in [*sections, data_section(report.data)] if section]
