"""A run of several members: each is trained in a work directory of its own, and their scores are fused."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.backends.fusion import equal_weights, fit_fusion
from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import EmbeddedImages, read_embeddings
from lfw_jax.evaluation.finished_runs import FinishedRun
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.inference.fused import FusedRepresentation, Member, known_embeddings
from lfw_jax.jobs.run_data import RunData

FUSION = "fusion.json"
"""Name of the file of the weights in a work directory."""

SCHEMA = 1
"""Version of the layout of `fusion.json`."""

_RULES = ("logistic", "equal")


@dataclasses.dataclass(frozen=True)
class SavedFusion:
    """The content of `fusion.json`.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      rule: "logistic" or "equal".
      fitted_on: the list of pairs that the weights were fitted on; "" for equal weights.
      weights: the weight of each member's cosine; they sum to 1.
    """

    schema: int
    rule: str
    fitted_on: str
    weights: Mapping[str, float]


def member_folder(workdir: Path, name: str) -> Path:
    """Return the work directory of a member.

    Args:
      workdir: that of the fused system.
      name: the member.
    """
    return workdir / "members" / name


def fuse(rule: str, held_out: Mapping[str, ScoredPairs]) -> SavedFusion:
    """Return the weights of the members' cosines.

    Args:
      rule: "logistic", fitted on the pairs, or "equal".
      held_out: the scored pairs of held-out identities by member, the same pairs in the same order.

    Raises:
      UserError: another rule, or members that were held out on other pairs.
    """
    if rule not in _RULES:
        raise UserError(f"--config.fusion.name is '{rule}'; expected {' or '.join(_RULES)}.")
    first = next(iter(held_out.values()))
    if rule == "equal":
        weights = np.full(len(held_out), 1.0)
    else:
        cosines = np.stack([1 - pairs.distances**2 / 2 for pairs in held_out.values()], axis=1)
        weights = fit_fusion(cosines, first.same).weights
    weights = weights / weights.sum()
    shares = dict(zip(held_out, weights.tolist(), strict=True))
    return SavedFusion(SCHEMA, rule, first.name if rule == "logistic" else "", shares)
