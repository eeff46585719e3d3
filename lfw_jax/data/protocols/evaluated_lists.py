"""The lists of pairs that a run is evaluated on, each with its role."""

import dataclasses

from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.splits import Split


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluatedList:
    """A list of pairs that a run is evaluated on.

    Images of two lists may have equal identities and numbers, and still be different images. The role tells them apart.

    Attributes:
      role: its role, which no other list of the run has: "test", "development", "held_out", "sets/<name>" or
        "sets_development/<name>".
      pairs: the pairs.
      of: the evaluation set that it belongs to; None for a list of the split.
    """

    role: str
    pairs: PairList
    of: EvaluationSet | None = None


def lists_of_split(split: Split) -> dict[str, EvaluatedList]:
    """Return the lists of a split by their role: test, and perhaps development and held-out pairs.

    Args:
      split: the split. Its validation pairs are the held-out pairs if they are not the development pairs.
    """
    lists = {"test": split.test}
    if not split.by_folds:
        lists["development"] = split.development
    if split.validation is not split.development:
        lists["held_out"] = split.validation
    return {role: EvaluatedList(role, pairs) for role, pairs in lists.items()}


def lists_of_set(item: EvaluationSet) -> list[EvaluatedList]:
    """Return the test pairs of an evaluation set, and its development pairs if it has any.

    Args:
      item: the set. Without development pairs, its test pairs have folds.
    """
    test = f"sets/{item.name}"
    if item.development is None:
        return [EvaluatedList(test, item.with_folds(), item)]
    return [
        EvaluatedList(test, item.pairs, item),
        EvaluatedList(f"sets_development/{item.name}", item.development, item),
    ]
