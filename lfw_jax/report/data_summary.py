"""The section of the data: sizes of its parts, exclusions and skipped files."""

import dataclasses

from lfw_jax.report.page import Section

_SHOWN_FILES = 5


@dataclasses.dataclass(frozen=True)
class ListSize:
    """A list of pairs and its size.

    Attributes:
      name: name of the list.
      pairs: number of its pairs.
    """

    name: str
    pairs: int


@dataclasses.dataclass(frozen=True)
class Development:
    """The pairs on which thresholds are chosen.

    Attributes:
      pairs: the list.
      identities: number of its identities.
      training_identities: number of these that are also used for training.
    """

    pairs: ListSize
    identities: int
    training_identities: int


@dataclasses.dataclass(frozen=True)
class DataSummary:
    """The data of a run.

    Attributes:
      training_images: number of training images.
      training_identities: number of their identities.
      validation: pairs of identities that are held out of training.
      development: pairs on which thresholds are chosen; None if they are chosen on the other folds of the test list.
      test: the test list.
      sets: the evaluation sets.
      notes: remarks on exclusions and their reasons.
      sampling: description of the sampler.
      skipped: files that were skipped, each with the reason.
    """

    training_images: int
    training_identities: int
    validation: ListSize
    development: Development | None
    test: ListSize
    sets: tuple[ListSize, ...]
    notes: tuple[str, ...]
    sampling: str
    skipped: tuple[tuple[str, str], ...]


def data_section(data: DataSummary) -> Section:
    """Return the section of the data: a table of its parts, and the remarks on it."""
    rows = [
        ["Part", "Content"],
        ["Training", f"{data.training_images:,} images of {data.training_identities:,} identities"],
        ["Validation", f"{data.validation.pairs:,} pairs of identities held out of training ({data.validation.name})"],
        ["Development", _development(data)],
        ["Test", f"{data.test.pairs:,} pairs ({data.test.name})"],
        *([item.name, f"{item.pairs:,} pairs"] for item in data.sets),
    ]
    notes = [*data.notes, data.sampling + "."]
    if data.skipped:
        named = "; ".join(f"{path}: {reason}" for path, reason in data.skipped[:_SHOWN_FILES])
        more = " and more" if len(data.skipped) > _SHOWN_FILES else ""
        notes.append(f"{len(data.skipped)} files were skipped: {named}{more}.")
    return Section("Data", "\n\n".join(note[:1].upper() + note[1:] for note in notes), rows)


def _development(data: DataSummary) -> str:
    if data.development is None:
        return f"the other folds of {data.test.name}, for each fold"
    pairs, trained = data.development.pairs, data.development.training_identities
    text = f"{pairs.pairs:,} pairs, on which thresholds are chosen ({pairs.name})"
    return (
        f"{text}; {trained:,} of their {data.development.identities:,} identities are also used for training"
        if trained
        else text
    )
