"""Backends by name, fitted in one call: PCA, unit length and a model of identities."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Array, Float, Shaped

from lfw_jax.backends import cosine, pair_score
from lfw_jax.backends.joint_bayesian import JointBayesian, fit_joint_bayesian
from lfw_jax.backends.lda import fit_lda
from lfw_jax.backends.pca import fit_pca
from lfw_jax.backends.plda import Plda, fit_plda
from lfw_jax.backends.projection import Projection, project
from lfw_jax.backends.unit_length import unit_length as unit_length_of
from lfw_jax.errors import UserError
from lfw_jax.options import checked

Vectors = Float[np.ndarray | Array, "n d"]
Model = JointBayesian | Plda | Projection | None

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
        return _chained(self.projection, self.unit_length, features)

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


def fit_backend(
    name: str, features: Shaped[np.ndarray, "n d"], labels: Shaped[np.ndarray, "n"], **options: Any
) -> FittedBackend:
    """Fit PCA, the scaling to length √d and the model of a named backend to labelled vectors.

    Args:
      name: "cosine", "lda", "joint_bayesian" or "plda".
      features: the vectors.
      labels: identity of each vector: numbers or names.
      options: `pca_dimension` (0, for no PCA), `whitening` and `root` of `fit_pca`, `seed` and `unit_length` (True), and the
        options of `fit_lda`, `fit_joint_bayesian` or `fit_plda`.

    Raises:
      UserError: an unknown backend, an unknown, missing or invalid option, or vectors that do not suffice.

    Example:
      >>> rng = np.random.default_rng(0)
      >>> labels = np.repeat(np.arange(50), 4)
      >>> features = rng.normal(size=(50, 8))[labels] + rng.normal(size=(200, 8)) / 4
      >>> backend = fit_backend("joint_bayesian", features, labels, pca_dimension=6)
      >>> bool(backend.scores(features[:1], features[1:2])[0] > 0 > backend.scores(features[:1], features[4:5])[0])
      True
    """
    first, rest = checked_options(name, options)
    backend = BACKENDS[name]
    try:
        projection, unit = _fit_chain(features, **first)
        model = backend.fit(_chained(projection, unit, features), labels, **rest)
    except ValueError as error:
        raise UserError(f"--config.backend: {str(error).splitlines()[0]}.") from error
    except UserError as error:
        raise UserError(f"--config.backend: {error}") from error
    return FittedBackend(name, projection, unit, model)


def checked_options(name: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of a named backend: those of PCA and the scaling, and those of its model.

    Args:
      name: the backend.
      options: the options by name.

    Raises:
      UserError: an unknown backend, or an unknown, missing or invalid option.
    """
    if name not in BACKENDS:
        raise UserError(f"--config.backend.name is '{name}'; the known backends are {', '.join(BACKENDS)}.")
    backend = BACKENDS[name]
    chain, own = _options(_fit_chain), _options(backend.fit)
    if unknown := sorted(set(options) - set(chain) - set(own)):
        known = ", ".join(sorted({**chain, **own}))
        raise UserError(f"--config.backend.{unknown[0]}: {name} has no such option; it has {known}.")
    if missing := [key for key, option in own.items() if option.default is option.empty and key not in options]:
        raise UserError(f"--config.backend.{missing[0]} is missing; {name} needs it.")
    first = checked("backend", _fit_chain, {key: value for key, value in options.items() if key in chain})
    rest = checked("backend", backend.fit, {key: value for key, value in options.items() if key in own})
    return first, rest


@dataclasses.dataclass(frozen=True)
class _Backend:
    """A backend that has a name.

    Attributes:
      fit: function of vectors and labels that returns the model; its keyword-only arguments are the options.
      model: class of the model; None if there is none.
    """

    fit: Callable[..., Model]
    model: Any


def _fit_nothing(features: Vectors, labels: Shaped[np.ndarray, "n"]) -> None:
    """Check the shapes of vectors and labels: cosine similarity learns nothing from the labels."""
    if np.ndim(features) != 2 or np.shape(labels) != np.shape(features)[:1]:
        raise ValueError(f"expected features [n, d] and labels [n], found {np.shape(features)} and {np.shape(labels)}")


BACKENDS = {
    "cosine": _Backend(_fit_nothing, None),
    "lda": _Backend(fit_lda, Projection),
    "joint_bayesian": _Backend(fit_joint_bayesian, JointBayesian),
    "plda": _Backend(fit_plda, Plda),
}
"""Every backend by its name."""


def _fit_chain(
    features: Shaped[np.ndarray, "n d"],
    *,
    pca_dimension: int = 0,
    whitening: float | None = None,
    root: bool = False,
    seed: int = 0,
    unit_length: bool = True,
) -> tuple[Projection | None, bool]:
    """Return PCA, or None, and whether vectors are scaled to length √d."""
    if pca_dimension == 0:
        if root or whitening is not None:
            raise ValueError("whitening and root are options of PCA; set pca_dimension, or leave them out")
        return None, unit_length
    whitening = 0.5 if whitening is None else whitening
    return fit_pca(features, pca_dimension, whitening=whitening, root=root, seed=seed), unit_length


def _options(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(function).parameters
    return {name: parameter for name, parameter in parameters.items() if parameter.kind is parameter.KEYWORD_ONLY}


def _chained(projection: Projection | None, unit_length: bool, features: Vectors) -> Vectors:
    projected = features if projection is None else project(projection, features)
    return cosine.scaled_to_dimension(projected) if unit_length else projected


def _read(arrays: Mapping[str, np.ndarray], part: str, kind: Any) -> Any:
    """Return the part of a backend from its arrays. An array without axes is a number."""
    values = {field.name: np.asarray(arrays[f"{part}_{field.name}"]) for field in dataclasses.fields(kind)}
    return kind(**{name: value if value.ndim else value.item() for name, value in values.items()})
