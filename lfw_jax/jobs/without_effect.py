"""The refusal of changed options that would have no effect."""

import json
from collections.abc import Sequence

from ml_collections import ConfigDict

from lfw_jax.configs import base
from lfw_jax.errors import UserError
from lfw_jax.jobs.config_keys import flat

STEPS = ("augmentation.", "sampler.", "memory.", "optimizer.", "miner.", "training.epochs")
"""Options, or groups of options, that only a training by steps uses."""


def refuse_without_effect(config: ConfigDict, keys: Sequence[str], reason: str) -> None:
    """Refuse options that differ from their defaults although they have no effect.

    Args:
      config: the whole configuration.
      keys: the beginnings of their keys, such as "optimizer." or "training.epochs".
      reason: the reason for which they have no effect, as a clause.

    Raises:
      UserError: an option differs from its default.
    """
    defaults = flat(json.loads(base.get_config().to_json_best_effort()), "")
    for key, value in flat(json.loads(config.to_json_best_effort()), "").items():
        name = key.lstrip(".")
        if name.startswith(tuple(keys)) and value != (default := defaults.get(key)):
            raise UserError(f"--config.{name} is {value!r}, but {reason}; leave it at {default!r}.")
