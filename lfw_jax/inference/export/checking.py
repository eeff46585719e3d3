"""The comparison of an exported model with JAX."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.data.synthetic import draw
from lfw_jax.errors import UserError
from lfw_jax.inference.export.manifest import Difference
from lfw_jax.inference.model.photos import Photo
from lfw_jax.inference.model.systems import PreparedFace, SingleSystem

Squares = UInt8[np.ndarray, "images stored stored 3"]
Run = Callable[[Squares], Float[np.ndarray, "images dim"]]
"""Maps stored squares to unit embeddings."""

TOLERANCE = 1e-4
"""Largest accepted difference of an entry of a unit embedding."""

FACES = 16
"""Number of faces that an export is checked on."""

_BATCHES = (1, 5)  # a symbolic batch has any size
_SYNTHETIC_SIDE = 160


def synthetic_squares(system: SingleSystem) -> Squares:
    """Return the stored squares of synthetic faces, one per identity.

    Args:
      system: the system, whose crop geometry they have.
    """
    photos = [Photo(f"face {person}", draw(0, person, 1, _SYNTHETIC_SIDE)) for person in range(FACES)]
    prepared = [system.prepare_aligned(photo) for photo in photos]
    return np.stack([face.square for face in prepared if isinstance(face, PreparedFace)])


def checked(run: Run, reference: Run, squares: Squares, source: str) -> Difference:
    """Compare an exported model with JAX in batches of 1, of 5 and of all faces.

    Args:
      run: the exported model.
      reference: the system in JAX.
      squares: the stored squares of at least one face.
      source: the faces, in words.

    Raises:
      UserError: the embeddings differ by more than `TOLERANCE`, or are not finite.
    """
    found = difference(run, reference, squares, source)
    if not found.largest <= TOLERANCE:  # so that NaN fails
        raise UserError(
            f"the exported model differs from JAX by {found.largest:.2g} in an entry of a unit embedding, on {len(squares)} "
            f"{source}; expected at most {TOLERANCE:g}. Nothing was written. This is a fault of the export: report the model's "
            "card.json."
        )
    return found


def difference(run: Run, reference: Run, squares: Squares, source: str) -> Difference:
    """Return the largest difference of an exported model from JAX, in batches of 1, 5 and all faces.

    Args:
      run: the exported model.
      reference: the system in JAX.
      squares: the stored squares of at least one face.
      source: the faces, in words.
    """
    expected = reference(squares)
    largest = max(
        float(np.abs(run(batch) - expected[start : start + len(batch)]).max()) for start, batch in _batches(squares)
    )
    return Difference(len(squares), source, largest)


def _batches(squares: Squares) -> Iterator[tuple[int, Squares]]:
    for size in {*_BATCHES, len(squares)}:
        if size <= len(squares):
            yield len(squares) - size, squares[len(squares) - size :]
