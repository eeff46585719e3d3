"""The parts of a run's page that show its images and describe its data."""

from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.splits import Split
from lfw_jax.evaluation.diagnosis.label_errors import LabelErrors
from lfw_jax.evaluation.diagnosis.worst_errors import worst_errors
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import VerificationResult
from lfw_jax.jobs.run_data import RunData
from lfw_jax.report.data_summary import DataSummary, Development, ListSize
from lfw_jax.report.errors import errors_section
from lfw_jax.report.label_errors import label_errors_section
from lfw_jax.report.page import Section
from lfw_jax.report.thumbnails import Thumbnails, pair_thumbnails

_SHOWN_ERRORS = 6


def worst_errors_of(data: RunData, result: VerificationResult) -> Section:
    """Return the section of the worst errors at the threshold with the best development accuracy.

    Args:
      data: the data of the run.
      result: the result on the test pairs.
    """
    threshold, test = result.metrics.by_rule("accuracy").threshold, data.split.test
    errors = worst_errors(result.pairs, threshold, at_most=_SHOWN_ERRORS)
    return errors_section(errors, result.pairs, threshold, data.pixels(test), test.indices())


def thumbnails_of(data: RunData, result: VerificationResult) -> Thumbnails:
    """Return thumbnails of the test pairs, worst errors at the threshold with the best accuracy first.

    Args:
      data: the data of the run.
      result: the result on the test pairs.
    """
    threshold, test = result.metrics.by_rule("accuracy").threshold, data.split.test
    return pair_thumbnails(result.pairs, threshold, data.pixels(test), test.indices())


def label_errors_of(data: RunData, pairs: ScoredPairs, errors: LabelErrors) -> Section:
    """Return the section of possible label errors.

    Args:
      data: the data of the run.
      pairs: the scored test pairs.
      errors: the possible label errors among them.
    """
    test = data.split.test
    index_of = {key: index for index, key in enumerate(test.keys())}
    return label_errors_section(errors, pairs, data.pixels(test), test.indices(), index_of)


def data_summary(data: RunData, sampling: str, notes: tuple[str, ...]) -> DataSummary:
    """Return the description of the data.

    Args:
      data: the data of the run.
      sampling: the description of the choice of training images.
      notes: remarks for the reader.
    """
    split = data.split
    return DataSummary(
        training_images=len(split.training),
        training_identities=len(split.training.names),
        validation=_size(split.validation),
        development=None if split.by_folds else _development(split),
        test=_size(split.test),
        sets=tuple(_size(item.pairs) for item in data.evaluation_plan.sets),
        notes=notes,
        sampling=sampling,
        skipped=tuple((str(item.path), item.reason) for item in split.source.skipped),
    )


def _development(split: Split) -> Development:
    identities = split.development.identities()
    # Identities of an external list are unrelated to those of the data, even if their names are equal.
    trained = len(identities & set(split.training.names)) if split.development not in split.external else 0
    return Development(_size(split.development), identities=len(identities), training_identities=trained)


def _size(pairs: PairList) -> ListSize:
    return ListSize(pairs.name, len(pairs))
