"""Difficulty of identities: the errors in which each takes part."""

import dataclasses

import numpy as np
from jaxtyping import Bool

from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.thresholds import wilson_interval

HARDEST = 10
"""Number of hardest identities that are listed."""


@dataclasses.dataclass(frozen=True)
class IdentityErrors:
    """The errors in which one identity takes part.

    Attributes:
      name: name of the identity.
      same_pairs: number of its same pairs.
      false_non_matches: number of these that are rejected.
      different_pairs: number of its pairs with other identities.
      false_matches: number of these that are accepted.
      error_interval: 95 % interval (Wilson) of the share of its pairs that are classified wrongly.
    """

    name: str
    same_pairs: int
    false_non_matches: int
    different_pairs: int
    false_matches: int
    error_interval: tuple[float, float]

    @property
    def pairs(self) -> int:
        """Number of its pairs."""
        return self.same_pairs + self.different_pairs

    @property
    def errors(self) -> int:
        """Number of its pairs that are classified wrongly."""
        return self.false_non_matches + self.false_matches


@dataclasses.dataclass(frozen=True)
class IdentityDifficulty:
    """The distribution of errors over identities.

    Attributes:
      identities: number of identities.
      with_errors: number of these that take part in an error.
      errors: number of pairs that are classified wrongly.
      hardest: the identities with the greatest lower end of their error interval, at most `HARDEST`, none without errors.
      most_errors: the identity that takes part in the most errors; None if there is no error.
      most_errors_share: share of all errors in which it takes part.
      most_errors_pair_share: share of all pairs in which it takes part.
    """

    identities: int
    with_errors: int
    errors: int
    hardest: tuple[IdentityErrors, ...]
    most_errors: str | None
    most_errors_share: float
    most_errors_pair_share: float


def identity_difficulty(pairs: ScoredPairs, accepted: Bool[np.ndarray, "pairs"]) -> IdentityDifficulty | None:
    """Return the errors by identity.

    An error of a different pair counts for both its identities. Identities are ordered by the lower end of the interval of
    their error rate, so that one error of one pair does not precede nine of ten.

    Args:
      pairs: the scored pairs.
      accepted: true where a pair is accepted as one identity.

    Returns:
      The difficulty; None if the identities are unknown.
    """
    if pairs.identities is None or not pairs.named:
        return None
    names, members = np.unique(pairs.identities, return_inverse=True)
    members = members.reshape(len(pairs), 2)
    wrong = accepted != pairs.same

    def count(which: np.ndarray, columns: int) -> np.ndarray:
        return np.bincount(members[which, :columns].ravel(), minlength=len(names))

    same, rejected = count(pairs.same, 1), count(pairs.same & wrong, 1)
    different, matched = count(~pairs.same, 2), count(~pairs.same & wrong, 2)
    errors, total = rejected + matched, same + different
    found = np.flatnonzero(errors)
    intervals = {i: wilson_interval(int(errors[i]), int(total[i])) for i in found.tolist()}
    hardest = sorted(intervals, key=lambda i: (-intervals[i][0], -errors[i], str(names[i])))[:HARDEST]
    most = int(np.argmax(errors))
    all_errors = int(wrong.sum())
    return IdentityDifficulty(
        identities=len(names),
        with_errors=len(found),
        errors=all_errors,
        hardest=tuple(
            IdentityErrors(
                str(names[i]), int(same[i]), int(rejected[i]), int(different[i]), int(matched[i]), intervals[i]
            )
            for i in hardest
        ),
        most_errors=str(names[most]) if all_errors else None,
        most_errors_share=float(errors[most]) / all_errors if all_errors else 0.0,
        most_errors_pair_share=float(total[most]) / len(pairs),
    )
