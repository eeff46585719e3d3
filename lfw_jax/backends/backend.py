"""A backend by name, fitted in one call: PCA, length normalisation and a model of identities."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from lfw_jax.backends import joint_bayesian
from lfw_jax.backends.joint_bayesian import JointBayesian
from lfw_jax.backends.pca import fit_pca
from lfw_jax.backends.projection import Projection, project


def _unit(v):
    n = np.linalg.norm(v, axis=1, keepdims=True)
    return v / np.where(n == 0, 1, n)


@dataclasses.dataclass(frozen=True, eq=False)
class FittedBackend:
    name: str
    projection: Projection
    model: Any = None

    def reduce(self, features):
        x = project(self.projection, features)
        return _unit(x) * x.shape[1] ** 0.5

    def embed_reduced(self, reduced):
        if self.model is None:
            return _unit(reduced)
        return _unit(joint_bayesian.embedding(self.model, reduced)[0])

    def embed(self, features):
        return self.embed_reduced(self.reduce(features))

    def to_arrays(self):
        p = self.projection
        out = {"name": np.array(self.name), "mean": p.mean, "matrix": p.matrix, "root": np.array(p.root)}
        if self.model is not None:
            m = self.model
            out |= {"between": m.between, "within": m.within, "centre": m.mean, "log_likelihoods": m.log_likelihoods}
        return out

    @classmethod
    def from_arrays(cls, a: Mapping[str, np.ndarray]):
        model = None
        if "between" in a:
            model = JointBayesian(a["between"], a["within"], a["centre"], a["log_likelihoods"])
        return cls(str(a["name"]), Projection(a["mean"], a["matrix"], bool(a["root"])), model)


def fit_backend(name, features, labels, *, dimension=400, whitening=0.25, root=False, seed=0, **options):
    p = fit_pca(features, dimension, whitening=whitening, root=root, seed=seed)
    reduced = FittedBackend(name, p).reduce(features)
    model = joint_bayesian.fit_joint_bayesian(reduced, labels, **options) if name == "joint_bayesian" else None
    return FittedBackend(name, p, model)
