"""The backends by name, each with the function that fits its model."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Array, Float, Shaped

from lfw_jax.backends.joint_bayesian import JointBayesian, fit_joint_bayesian
from lfw_jax.backends.lda import fit_lda
from lfw_jax.backends.plda import Plda, fit_plda
from lfw_jax.backends.projection import Projection

Vectors = Float[np.ndarray | Array, "n d"]
Model = JointBayesian | Plda | Projection | None


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
