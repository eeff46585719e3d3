"""The two sides of a search: galleries and probes, as embedded templates with their identities."""

import dataclasses
from typing import Self

import numpy as np
from jaxtyping import Bool, Float, Float32, Shaped

from lfw_jax.errors import UserError

UNKNOWN = ""
"""Subject of a distractor: its identity is unknown, and it is nobody's mate."""

_BLOCK = 65_536


@dataclasses.dataclass(frozen=True, eq=False)
class Templates:
    """Embedded templates: a gallery, the probes of a search, or single images.

    Attributes:
      name: name in reports and messages.
      embeddings: embedding of each template, of any length; it is normalised here. One of zeros stays zero.
      subjects: identity of each template; `UNKNOWN` for a distractor.

    Raises:
      UserError: an embedding that is not finite.
      ValueError: arrays that do not fit together.
    """

    name: str
    embeddings: Float32[np.ndarray, "templates dim"]
    subjects: Shaped[np.ndarray, "templates"]

    def __post_init__(self):
        object.__setattr__(self, "subjects", np.asarray(self.subjects, np.str_))
        embeddings = np.asarray(self.embeddings)
        if embeddings.ndim != 2 or self.subjects.shape != embeddings.shape[:1]:
            raise ValueError(
                f"{self.name}: expected embeddings [templates, dim] and subjects [templates], found shapes "
                f"{embeddings.shape} and {self.subjects.shape}"
            )
        broken = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
        if len(broken):
            raise UserError(
                f"{self.name}: {len(broken)} of {len(embeddings)} embeddings are not finite, the first of template "
                f"{broken[0] + 1}; expected finite numbers. The model has diverged. Use an earlier checkpoint, or train again "
                "with a lower learning rate."
            )
        object.__setattr__(self, "embeddings", unit(embeddings))

    def __len__(self) -> int:
        return len(self.subjects)

    @property
    def known(self) -> Bool[np.ndarray, "templates"]:
        """True for the templates whose identity is known: all but distractors."""
        return self.subjects != UNKNOWN

    def where(self, wanted: Shaped[np.ndarray, "chosen"], name: str) -> Self:
        """Return a selection of the templates.

        Args:
          wanted: indices, or a mask over the templates.
          name: name of the selection.
        """
        return dataclasses.replace(self, name=name, embeddings=self.embeddings[wanted], subjects=self.subjects[wanted])

    def with_distractors(self, embeddings: Float[np.ndarray, "distractors dim"]) -> Self:
        """Return the templates, followed by distractors, each a template of its own.

        Args:
          embeddings: embeddings of images of unknown identities, of any length.
        """
        return dataclasses.replace(
            self,
            embeddings=np.concatenate([self.embeddings, np.asarray(embeddings, np.float32)]),
            subjects=np.concatenate([self.subjects, np.full(len(embeddings), UNKNOWN)]),
        )


def unit(vectors: Float[np.ndarray, "vectors dim"]) -> Float32[np.ndarray, "vectors dim"]:
    """Return vectors at length 1; a vector of zeros stays zero. Norms are computed in float64.

    Args:
      vectors: the vectors. One that is not finite becomes NaN.
    """
    result = np.empty(np.shape(vectors), np.float32)
    for start in range(0, len(result), _BLOCK):  # so that float64 copies stay small
        block = np.asarray(vectors[start : start + _BLOCK], np.float64)
        largest = np.max(np.abs(block), axis=1, keepdims=True, initial=0.0)  # prevents overflow of the squares
        with np.errstate(invalid="ignore"):  # infinity / infinity is NaN, which the caller reports
            block = block / np.where(largest == 0, 1.0, largest)
            norms = np.linalg.norm(block, axis=1, keepdims=True)
            result[start : start + _BLOCK] = block / np.where(norms == 0, 1.0, norms)
    return result
