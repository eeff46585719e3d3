"""The keys of configurations, and those in which two configurations differ."""

import json
import re
from typing import Any

from lfw_jax.configs import base
from lfw_jax.jobs.config_changes import SWITCH

# Keys that may differ between a run and its resumption, as no batch depends on them.
_FREE = (
    "config.data.dir",
    "config.data.lists_dir",
    "config.data.align_dir",
    "config.data.loader",
    "config.data.keep_decoded",
    "config.data.resident",
    "config.training.devices",
    "config.training.log_every",
    "config.training.checkpoint_every_epochs",
    "config.training.max_minutes",
    SWITCH,
)
_FREE_GROUPS = ("config.evaluation.",)
_NAMED_GROUPS = (
    "config.model.",
    "config.loss.",
    "config.miner.",
    "config.backend.",
    "config.fusion.",
)  # their options depend on their `name`
# The values that describe runs of versions without these options, where the defaults are others.
FORMER_VALUES = {"config.data.pairs_per_identity": 0, "config.backend.name": "none", "config.fusion.name": "none"}
_MEMBER = re.compile(r"^config\.members\.[^.]+\.")


def differing_keys(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Return the sorted keys in which two configurations differ as experiments.

    Keys that may differ between a run and its resumption are ignored. An option that a configuration of an earlier
    version does not have counts as its default, or as what that version did.

    Args:
      one: A configuration as nested dictionaries.
      other: Another one.

    Returns:
      Keys with their groups, such as "config.loss.margin".
    """
    old, new = _with_defaults(one), _with_defaults(other)
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key) and not _is_free(key))


def _is_free(key: str) -> bool:
    """Return true for a key that may differ, of the configuration itself or of a member."""
    key = _MEMBER.sub("config.", key)
    return key in _FREE or key.startswith(_FREE_GROUPS)


def _with_defaults(config: dict[str, Any]) -> dict[str, Any]:
    defaults = flat(json.loads(base.get_config().to_json_best_effort()))
    defaults = {key: value for key, value in defaults.items() if not key.startswith(_NAMED_GROUPS)}
    # The normalisation of the embedding was an option of the CPU backbone only, which has it by default.
    normalised = {"config.model.embedding_norm": flat(config).get("config.model.name") == "patch_resnet"}
    return defaults | FORMER_VALUES | normalised | flat(config)


def flat(config: dict[str, Any], prefix: str = "config") -> dict[str, Any]:
    """Return the values of nested dictionaries by their full keys, such as "config.loss.margin"."""
    found = {}
    for key, value in config.items():
        found |= flat(value, f"{prefix}.{key}") if isinstance(value, dict) else {f"{prefix}.{key}": value}
    return found
