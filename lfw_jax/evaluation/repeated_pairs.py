"""Pairs that a list names more than once."""

import numpy as np

from lfw_jax.evaluation.scores import ScoredPairs


def repeated_pairs(pairs: ScoredPairs) -> int:
    """Return the number of listed pairs that repeat an earlier one, in either order of their images.

    Args:
      pairs: the scored pairs; 0 is returned if their images are unknown.
    """
    if pairs.identities is None or pairs.images is None:
        return 0
    names, labels = np.unique(pairs.identities, return_inverse=True)
    numbers, ranks = np.unique(pairs.images, return_inverse=True)
    keys = labels.reshape(-1, 2).astype(np.int64) * len(numbers) + ranks.reshape(-1, 2)
    codes = np.sort(keys, axis=1)
    distinct = np.unique(codes[:, 0] * (len(names) * len(numbers)) + codes[:, 1])
    return len(pairs) - len(distinct)


def repeated_note(pairs: ScoredPairs) -> tuple[str, ...]:
    """Return a remark on pairs that a list repeats; empty if there are none.

    Args:
      pairs: the scored pairs.
    """
    count = repeated_pairs(pairs)
    if not count:
        return ()
    listed = "1 listed pair repeats" if count == 1 else f"{count:,} listed pairs repeat"
    return (
        f"{pairs.name}: {listed} an earlier pair of the same two images. Every listing counts in all metrics, so that repeated "
        "pairs weigh more, and intervals are narrower than they should be.",
    )
