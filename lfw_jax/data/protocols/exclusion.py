"""Identities that are excluded from training."""

from collections.abc import Collection, Mapping

from lfw_jax.data.duplicates.leakage import exclusion_note, people_in_both
from lfw_jax.errors import UserError

Exclusions = Mapping[str, Collection[str]]
"""The identities excluded from training, by the name of the list that names them."""


def exclude_identities(identities: Collection[str], lists: Exclusions) -> tuple[set[str], dict[str, str], list[str]]:
    """Exclude the identities that lists name, in any spelling.

    Args:
      identities: the names of the identities that could be used for training.
      lists: the names to exclude, by the list that contains them.

    Returns:
      The remaining identities, the excluded ones with the list that names them, and remarks on the exclusions.

    Raises:
      UserError: no identity remains.
    """
    remaining, excluded, notes = set(identities), {}, []
    for where, names in lists.items():
        if removed := people_in_both(remaining, names):
            notes.append(exclusion_note(removed, where))
            remaining -= removed.keys()
            excluded |= dict.fromkeys(removed, where)
    if not remaining:
        raise UserError(
            f"--config.data.protocol: {', '.join(lists)} name every identity of the data, so none is left for training. "
            "Train on other identities, or evaluate on other pairs."
        )
    return remaining, excluded, notes
