"""The fit of a named backend in one call: PCA, unit length and a model of identities."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Shaped

from lfw_jax.backends.backend import FittedBackend, chained
from lfw_jax.backends.pca import fit_pca
from lfw_jax.backends.projection import Projection
from lfw_jax.backends.registry import BACKENDS
from lfw_jax.errors import UserError
from lfw_jax.options import checked


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
        model = backend.fit(chained(projection, unit, features), labels, **rest)
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
