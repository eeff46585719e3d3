"""The configurations of the members of a fused system."""

import re

from ml_collections import ConfigDict

from lfw_jax.data.protocols.holding_out import split_seed
from lfw_jax.errors import UserError
from lfw_jax.options import check_ranges

# Options of `data` in which all members agree with the whole: the images and who trains. The rest of `data` is the member's
# own: the size of its input, its crop and how it keeps images in memory.
_SHARED_DATA = (
    "source", "dir", "tfds", "lists_dir", "protocol", "fold", "pairs_file", "pairs_columns", "near_duplicates",
    "validation_people", "test_people", "pairs", "pairs_per_identity", "loader", "align", "align_dir", "synthetic",
)  # fmt: skip
# Evaluation sets and protocols, whose identities no member is trained on.
_SETS = ("sets", "identification")
_NAME = re.compile(r"[a-z0-9_]+")


def member_configs(config: ConfigDict) -> dict[str, ConfigDict]:
    """Return the configuration of each member.

    The data, the held-out identities and the evaluation sets are those of the whole.

    Args:
      config: the configuration of a fused system.

    Raises:
      UserError: fewer than two members, a name that cannot be a folder, members of members, a member with evaluation sets of its
        own, or a value outside its range.
    """
    if len(config.members) < 2:
        raise UserError(
            f"--config.members: found {len(config.members)}, but --config.model.name=members needs at least two. Use a "
            "configuration with members, such as configs/best_lfw.py."
        )
    return {name: _member(config, name) for name in config.members}


def _member(config: ConfigDict, name: str) -> ConfigDict:
    if not _NAME.fullmatch(name):
        raise UserError(
            f"--config.members: found the name {name!r}; expected lower-case letters, digits and underscores."
        )
    member = config.members[name].copy_and_resolve_references()
    if member.model.name == "members":
        raise UserError(f"--config.members.{name}.model.name is members; expected a network or descriptors.")
    for key in _SHARED_DATA:
        member.data[key] = config.data[key]
    for key in _SETS:
        if (own := tuple(member.evaluation[key])) not in ((), tuple(config.evaluation[key])):
            raise UserError(
                f"--config.members.{name}.evaluation.{key} is {own}, but a fused system is evaluated as a whole; give "
                f"--config.evaluation.{key} instead."
            )
        member.evaluation[key] = tuple(config.evaluation[key])
    member.data.split_seed = split_seed(config)
    member.align = config.align.copy_and_resolve_references()
    member.training.devices = config.training.devices
    member.evaluation.false_match_rate = config.evaluation.false_match_rate
    try:
        check_ranges(member)
    except UserError as error:
        raise UserError(str(error).replace("--config.", f"--config.members.{name}.", 1)) from error
    return member
