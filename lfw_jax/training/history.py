"""The training history: the rows of `history.jsonl`, one per log and per validation."""

import dataclasses
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lfw_jax.errors import UserError
from lfw_jax.typed_json import from_json

_REMEDY = "Restore the file from a backup, or train again in another --workdir."


@dataclasses.dataclass(frozen=True)
class HistoryRow:
    """One row of the history: a log of training, or a validation.

    A quantity that the row does not have is None.

    Attributes:
      step: number of steps taken.
      epoch: number of epochs taken.
      loss: training loss of the step.
      learning_rate: learning rate of the step.
      images_per_second: training throughput.
      seconds: duration of the training so far, pauses between runs excluded.
      validation_accuracy: mean accuracy over the folds of the validation pairs, as a share.
      validation_auc: area under the ROC curve of the validation pairs.
      training_accuracy: share of the batch that is nearest to the prototype of its identity; losses with prototypes only.
      active_anchors: share of the anchors of the batch for which the miner selects a pair; losses with mined pairs only.
    """

    step: int
    epoch: float | None = None
    loss: float | None = None
    learning_rate: float | None = None
    images_per_second: float | None = None
    seconds: float | None = None
    validation_accuracy: float | None = None
    validation_auc: float | None = None
    training_accuracy: float | None = None
    active_anchors: float | None = None


def history_rows(rows: Iterable[Mapping[str, float]], source: Path | str = "history.jsonl") -> tuple[HistoryRow, ...]:
    """Return the typed rows of a history.

    Args:
      rows: the rows of `history.jsonl`, in order.
      source: the file, for messages.

    Raises:
      UserError: a row that is no object, an unknown key, or a value of another type than its field.
    """
    return tuple(
        from_json(HistoryRow, row, source=f"{source}, row {number}", remedy=_REMEDY)
        for number, row in enumerate(rows, 1)
    )


def read_history(path: Path) -> tuple[HistoryRow, ...]:
    """Read a history. A last line that was cut off is dropped.

    Args:
      path: the file `history.jsonl`.

    Raises:
      UserError: the file cannot be read, or a line is not a row of a history.
    """
    try:
        lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). {_REMEDY}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            if number < len(lines):
                raise UserError(f"{path}, row {number}: is not JSON ({error}). {_REMEDY}") from error
    return history_rows(rows, path)


def curve(history: Sequence[HistoryRow], quantity: str) -> tuple[tuple[int, float], ...]:
    """Return the steps and values of one quantity, of the rows that have it.

    Args:
      history: the rows.
      quantity: the name of a field of `HistoryRow`.
    """
    values = ((row.step, getattr(row, quantity)) for row in history)
    return tuple((step, float(value)) for step, value in values if value is not None)


def median_images_per_second(history: Sequence[HistoryRow]) -> float | None:
    """Return the median training throughput, or None if no row has one."""
    rates = [row.images_per_second for row in history if row.images_per_second is not None]
    return statistics.median(rates) if rates else None


def training_seconds(history: Sequence[HistoryRow]) -> float:
    """Return the duration of the training as the last row states it, or 0."""
    return (history[-1].seconds or 0.0) if history else 0.0
