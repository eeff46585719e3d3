"""The weights of a fused system, and their file in its work directory."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lfw_jax.atomic_files import written_atomically
from lfw_jax.backends.fusion import equal_weights, fit_fusion
from lfw_jax.errors import UserError
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.typed_json import read_json, to_json

FUSION = "fusion.json"
"""Name of the file in a work directory."""

SCHEMA = 1
"""Version of the layout of `fusion.json`."""

RULES = ("logistic", "equal")
"""Values of `config.fusion.name`."""


@dataclasses.dataclass(frozen=True)
class SavedFusion:
    """The content of `fusion.json`.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      rule: one of `RULES`.
      fitted_on: the list of pairs that the weights, or the scales of the scores, were fitted on.
      weights: the weight of each member's cosine; they sum to 1.
    """

    schema: int
    rule: str
    fitted_on: str
    weights: Mapping[str, float]


def fuse(rule: str, held_out: Mapping[str, ScoredPairs]) -> SavedFusion:
    """Return the weights of the members' cosines.

    Args:
      rule: "logistic", by logistic regression with weights of at least 0, or "equal", for the sum of standardised scores.
      held_out: the scored pairs of held-out identities by member, the same pairs in the same order.
    """
    first = next(iter(held_out.values()))
    cosines = np.stack([1 - pairs.distances**2 / 2 for pairs in held_out.values()], axis=1)
    weights = (fit_fusion if rule == "logistic" else equal_weights)(cosines, first.same).weights
    shares = dict(zip(held_out, (weights / weights.sum()).tolist(), strict=True))
    return SavedFusion(SCHEMA, rule, first.name, shares)


def write_fusion(path: Path, fusion: SavedFusion) -> None:
    """Write the weights atomically, replacing an older file.

    Args:
      path: the file.
      fusion: the weights.

    Raises:
      UserError: the file cannot be written.
    """
    with written_atomically(path, replace=True) as (unfinished,):
        unfinished.write_text(json.dumps(to_json(fusion), indent=2) + "\n", encoding="utf-8")


def read_fusion(path: Path) -> SavedFusion:
    """Read the weights.

    Args:
      path: the file.

    Raises:
      UserError: no such file, not JSON, another version, or weights that are not shares.
    """
    remedy = "Fuse again with --mode=train."
    saved = read_json(path, SavedFusion, schema=SCHEMA, remedy=remedy)
    weights = list(saved.weights.values())
    if not weights or min(weights) < 0 or not np.isclose(sum(weights), 1):
        raise UserError(f"{path}: found the weights {weights}, expected shares of 1. {remedy}")
    return saved
