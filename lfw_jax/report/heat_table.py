"""Small tables of numbers with shaded cells, such as a matrix of correlations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lfw_jax.report.formatting import number

_MOST_ACCENT = 40  # per cent of the accent colour in the darkest cell, on which text is still legible in both themes


@dataclass(frozen=True)
class HeatTable:
    """A square matrix as a table of numbers, the darker the greater.

    Rows and columns are numbered, and each row states its name, so that long names need no room above the columns.

    Attributes:
      title: the title, one line.
      names: the names of the rows, which are those of the columns.
      values: the rows of the matrix; None for a missing value.
      limits: the values of the lightest and of the darkest cell.
      digits: the number of decimals.
    """

    title: str
    names: Sequence[str]
    values: Sequence[Sequence[float | None]]
    limits: tuple[float, float] = (0.0, 1.0)
    digits: int = 2

    def __post_init__(self):
        count = len(self.names)
        if len(self.values) != count or any(len(row) != count for row in self.values):
            raise ValueError(f"{self.title}: expected {count} rows of {count} values, as many as names")


def rendered_heat_table(table: HeatTable) -> dict[str, object]:
    """Return what the template needs of a table: text and per cent of accent colour of each cell.

    Args:
      table: the table.
    """
    return {
        "title": table.title,
        "names": table.names,
        "rows": [
            [(number(value, table.digits).replace("-", "−"), _accent(value, table.limits)) for value in row]
            for row in table.values
        ],
    }


def _accent(value: float | None, limits: tuple[float, float]) -> int:
    low, high = limits
    if value is None or math.isnan(value) or not low < high:
        return 0
    return round(_MOST_ACCENT * min(max((value - low) / (high - low), 0.0), 1.0))
