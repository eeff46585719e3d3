"""A fitted backend: a similarity of vectors that was learned from labelled ones."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from lfw_jax.backends import cosine, pair_score
from lfw_jax.backends.joint_bayesian import JointBayesian
from lfw_jax.backends.plda import Plda
from lfw_jax.backends.projection import Projection, project
from lfw_jax.backends.registry import BACKENDS, Model, Vectors
from lfw_jax.backends.unit_length import unit_length as unit_length_of
from lfw_jax.errors import UserError

VERSION = 1
"""Version of the arrays of a fitted backend."""


@dataclasses.dataclass(frozen=True, eq=False)
class FittedBackend:
    """A similarity of vectors that was learned from labelled ones.

    Its methods take NumPy arrays, or JAX arrays, which may be traced.

    Attributes:
      name: name of the backend.
      projection: PCA, which comes first; None for none.
      unit_length: true if vectors get the length √d after it.
      model: joint Bayesian or PLDA, which score by log-likelihood ratio; the projection of LDA, or None, which score by cosine
        similarity.
    """

    name: str
    projection: Projection | None
    unit_length: bool
    model: Model

    @property
    def constant(self) -> float:
        """Return the term of a score that is the same for all pairs."""
        return self.model.score.constant if isinstance(self.model, JointBayesian | Plda) else 1.0

    def embedding(self, features: Vectors) -> tuple[Vectors, Float[np.ndarray | Array, "n"]]:
        """Return vectors v and offsets o with `score = constant - ½ ‖v₁ - v₂‖² + o₁ + o₂` for any two rows.

        Cosine similarity has unit vectors and offsets of 0.

        Args:
          features: the vectors.
        """
        return self.embedding_of_reduced(self.reduced(features))

    def embedding_of_reduced(self, reduced: Vectors) -> tuple[Vectors, Float[np.ndarray | Array, "n"]]:
        """Return the vectors and offsets of `embedding`, given reduced vectors.

        Args:
          reduced: the vectors of `reduced`.
        """
        if isinstance(self.model, JointBayesian | Plda):
            return pair_score.embedding(self.model, reduced)
        unit = unit_length_of(project(self.model, reduced) if isinstance(self.model, Projection) else reduced)
        return unit, 0 * unit[:, 0]

    def reduced(self, features: Vectors) -> Vectors:
        """Return the vectors after PCA and the scaling to length √d, before the model.

        Args:
          features: the vectors.
        """
        return chained(self.projection, self.unit_length, features)

    def directions(self, features: Vectors, *, reduced: bool = False) -> Vectors:
        """Return the vectors of `embedding` with length 1 and without their offsets.

        Their cosine is a similarity that depends on no length, so that cosines of several views of an image and of several
        backends can be averaged. On faces it separates better than the log-likelihood ratio (docs/results.md).

        Args:
          features: the vectors.
          reduced: true if they are those of `reduced`.
        """
        return unit_length_of(self.embedding_of_reduced(features if reduced else self.reduced(features))[0])

    def scores(self, first: Vectors, second: Vectors) -> Float[np.ndarray | Array, "n"]:
        """Return the score of each pair; larger is more similar.

        Args:
          first: first vector of each pair.
          second: second vector of each pair.
        """
        one, other = self._prepared(first), self._prepared(second)
        if isinstance(self.model, JointBayesian | Plda):
            return pair_score.log_likelihood_ratio(self.model, one, other)
        return cosine.cosines(one, other)

    def score_matrix(self, first: Vectors, second: Vectors) -> Float[np.ndarray | Array, "n m"]:
        """Return the score of every vector of one set with every vector of another.

        Args:
          first: vectors of the rows.
          second: vectors of the columns.
        """
        one, other = self._prepared(first), self._prepared(second)
        if isinstance(self.model, JointBayesian | Plda):
            return pair_score.score_matrix(self.model, one, other)
        return cosine.cosine_matrix(one, other)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything as arrays, for `numpy.savez`.

        `from_arrays` gives the backend back without a training vector.
        """
        arrays = {"version": np.array(VERSION), "name": np.array(self.name), "unit_length": np.array(self.unit_length)}
        for part in ("projection", "model"):
            if (value := getattr(self, part)) is not None:
                arrays |= {f"{part}_{f.name}": np.asarray(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "FittedBackend":
        """Return the backend of the arrays of `to_arrays`.

        Args:
          arrays: the arrays, such as `numpy.load` of a file gives them.

        Raises:
          UserError: arrays of another version, of an unknown backend, or incomplete ones.
        """
        try:
            version, name = int(arrays["version"]), str(arrays["name"])
            if version != VERSION or name not in BACKENDS:
                raise UserError(
                    f"backend: found the arrays of {name}, version {version}; expected version {VERSION} of one of "
                    f"{', '.join(BACKENDS)}. Fit the backend again."
                )
            projection = _read(arrays, "projection", Projection) if "projection_matrix" in arrays else None
            kind = BACKENDS[name].model
            return cls(name, projection, bool(arrays["unit_length"]), kind and _read(arrays, "model", kind))
        except KeyError as error:
            raise UserError(
                f"backend: the arrays have no {error}; expected those of FittedBackend.to_arrays."
            ) from None

    def _prepared(self, features: Vectors) -> Vectors:
        """Return the vectors that the score is taken of."""
        features = self.reduced(features)
        return project(self.model, features) if isinstance(self.model, Projection) else features


def chained(projection: Projection | None, unit_length: bool, features: Vectors) -> Vectors:
    """Return vectors after PCA and the scaling to length √d.

    Args:
      projection: PCA; None for none.
      unit_length: true if vectors get the length √d after it.
      features: the vectors.
    """
    projected = features if projection is None else project(projection, features)
    return cosine.scaled_to_dimension(projected) if unit_length else projected


def _read(arrays: Mapping[str, np.ndarray], part: str, kind: Any) -> Any:
    """Return the part of a backend from its arrays. An array without axes is a number."""
    values = {field.name: np.asarray(arrays[f"{part}_{field.name}"]) for field in dataclasses.fields(kind)}
    return kind(**{name: value if value.ndim else value.item() for name, value in values.items()})
