"""An interval of a metric, with its level and method."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Interval:
    """An interval of a metric.

    It covers the true value in `level` of all evaluations, if the assumptions of the method hold.

    Attributes:
      low: lower end.
      high: upper end.
      level: nominal coverage, such as 0.95.
      method: the method and what it assumes of the dependence of pairs, such as `WILSON_BY_IDENTITIES`.
      effective_pairs: number of independent pairs that would give an interval of this width; None for a bootstrap.
    """

    low: float
    high: float
    level: float
    method: str
    effective_pairs: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The lower and the upper end."""
        return self.low, self.high


WILSON_BY_IDENTITIES = "Wilson, dependence through identities"
"""Wilson's interval with the effective number of pairs, for pairs that share identities."""

WILSON_INDEPENDENT = "Wilson, as if pairs were independent"
"""Wilson's interval of independent pairs: too narrow if identities or images occur in several pairs."""

VERTEX_BOOTSTRAP = "vertex bootstrap, corrected"
"""The percentiles of the vertex bootstrap, with its excess of variance corrected: see `percentiles`."""

PAIR_BOOTSTRAP = "bootstrap over pairs, as if they were independent"
"""The percentiles of the bootstrap over pairs of unknown identities."""
