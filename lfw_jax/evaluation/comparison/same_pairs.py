"""The check that several runs were evaluated on the same pairs."""

from collections.abc import Mapping

import numpy as np

from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import ScoredPairs

_FIELDS = ("same", "identities", "images", "folds")


def check_same_pairs(pairs: Mapping[str, ScoredPairs]) -> None:
    """Check that all runs were evaluated on the same pairs in the same order.

    Args:
      pairs: the scored test pairs by the name of their run.

    Raises:
      UserError: runs were evaluated on different lists; the message groups the runs by their list.
    """
    groups: list[list[str]] = []
    for name, scored in pairs.items():
        group = next((group for group in groups if difference(pairs[group[0]], scored) is None), None)
        if group is None:
            groups.append([name])
        else:
            group.append(name)
    if len(groups) == 1:
        return
    first, other = groups[0][0], groups[1][0]
    listed = "; ".join(f"{', '.join(group)}: {_described(pairs[group[0]])}" for group in groups)
    raise UserError(
        f"--input: found runs of {len(groups)} different lists ({listed}); expected the same pairs in the same order. {first} "
        f"and {other} differ in {difference(pairs[first], pairs[other])}. Compare the runs of one list at a time."
    )


def difference(one: ScoredPairs, other: ScoredPairs) -> str | None:
    """Return in words the first difference between the pairs of two lists; None if they are equal.

    Args:
      one: scored pairs.
      other: the scored pairs of another run.
    """
    if len(one) != len(other):
        return f"the number of pairs, {len(one):,} and {len(other):,}"
    for field in _FIELDS:
        first, second = getattr(one, field), getattr(other, field)
        if (first is None) != (second is None):
            return f"{field}, which only one of them states"
        if first is None:
            continue
        unequal = (first != second).reshape(len(one), -1).any(axis=1)
        if count := int(unequal.sum()):
            index = int(np.argmax(unequal))
            return (
                f"{count:,} of {len(one):,} pairs, the first of which is pair {index + 1}: {_pair(one, index)}, and "
                f"{_pair(other, index)}"
            )
    return None


def _described(scored: ScoredPairs) -> str:
    return f"{scored.name} with {len(scored):,} pairs"


def _pair(scored: ScoredPairs, index: int) -> str:
    kind = "same" if scored.same[index] else "different"
    fold = f", fold {scored.folds[index]}" if scored.folds is not None else ""
    if scored.identities is None:
        return f"{kind}{fold}"
    numbers = scored.images[index] if scored.images is not None else ("", "")
    first, second = (
        f"{identity} {number}".strip() for identity, number in zip(scored.identities[index], numbers, strict=True)
    )
    return f"{first} with {second} ({kind}{fold})"
