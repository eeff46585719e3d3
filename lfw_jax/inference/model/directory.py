"""The model directory: a card and a file of arrays, written together and checked when they are read."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy
from jaxtyping import Shaped
from safetensors import SafetensorError

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.inference.model.card import SCHEMA, ModelCard
from lfw_jax.typed_json import read_json, to_json

MODEL = "model"
"""Name of the model directory in a work directory."""

CARD, ARRAYS = "card.json", "parameters.safetensors"
"""Names of the two files of a model directory."""

_REMEDY = "Write it again: --mode=evaluate of the training writes a model directory of this version."


@dataclasses.dataclass(frozen=True, eq=False)
class SavedModel:
    """The content of a model directory.

    Attributes:
      card: the card.
      arrays: the parameters by name, with "/" between the parts of a name.
    """

    card: ModelCard
    arrays: Mapping[str, Shaped[np.ndarray, "..."]]


def write_model(folder: Path, model: SavedModel) -> None:
    """Write a model directory atomically, replacing an older one.

    Args:
      folder: the directory.
      model: its content; the checksum of the card is computed here.

    Raises:
      UserError: the directory cannot be written.
    """
    content = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in model.arrays.items()})
    card = dataclasses.replace(model.card, sha256=hashlib.sha256(content).hexdigest())
    with written_atomically(folder / ARRAYS, folder / CARD, replace=True) as (arrays, text):
        arrays.write_bytes(content)
        text.write_text(json.dumps(to_json(card), indent=2) + "\n", encoding="utf-8")


def read_model(folder: Path) -> SavedModel:
    """Read a model directory.

    Args:
      folder: the directory.

    Raises:
      UserError: a file is missing, damaged or of another version, or the arrays are not those of the card.
    """
    for name in (CARD, ARRAYS):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder}: found no {name}; expected a model directory with {CARD} and {ARRAYS}, such as the folder "
                f"{MODEL} of a work directory. Check the path."
            )
    card = read_json(folder / CARD, ModelCard, schema=SCHEMA, remedy=_REMEDY)
    path = folder / ARRAYS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error
    if (found := hashlib.sha256(content).hexdigest()) != card.sha256:
        raise UserError(
            f"{path}: its SHA-256 is {found[:16]}…, expected {card.sha256[:16]}… by {CARD}. It is damaged, or belongs to "
            "another card: copy both files again."
        )
    try:
        return SavedModel(card, safetensors.numpy.load(content))
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{path}: cannot be read as safetensors ({error}). {_REMEDY}") from error


def part(arrays: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Return the arrays below a name, without it.

    Args:
      arrays: arrays by name, with "/" between the parts of a name.
      name: the first parts of the wanted names.
    """
    start = f"{name}/"
    return {key[len(start) :]: array for key, array in arrays.items() if key.startswith(start)}


def joined(parts: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return the arrays of several parts, with the name of its part before each name.

    Args:
      parts: the arrays of each part by its name.
    """
    return {f"{name}/{key}": array for name, arrays in parts.items() for key, array in arrays.items()}
