"""Rules: a condition in words, the sentence that it triggers, and the advice."""

import dataclasses
from collections.abc import Callable

from lfw_jax.evaluation.diagnosis.evidence import Evidence


@dataclasses.dataclass(frozen=True)
class Rule:
    """A sentence of the diagnosis with the condition that triggers it.

    Attributes:
      key: name of the rule.
      condition: the condition in words, with its limits.
      meaning: returns what the figures mean, as a sentence with the figures; None if the condition does not hold.
      advice: what to try next, as a sentence with the options of the configuration.
    """

    key: str
    condition: str
    meaning: Callable[[Evidence], str | None]
    advice: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """A triggered rule.

    Attributes:
      rule: key of the rule.
      meaning: what the figures mean.
      advice: what to try next.
    """

    rule: str
    meaning: str
    advice: str


def share(value: float, digits: int = 0) -> str:
    """Return a share in per cent."""
    return f"{100 * value:.{digits}f} %"
