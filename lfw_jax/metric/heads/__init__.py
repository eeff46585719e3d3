"""Classification heads: embeddings and class prototypes in, a scalar loss out.

Every head returns the mean loss of the batch as a float32 scalar. Angular margins are in radians. Inputs may be
float32 or bfloat16; products and sums are computed in float32. No head calls `acos`, so value and gradient are finite
everywhere, including at cos = ±1. An all-zero embedding has cosine 0 to every prototype and gradient 0 (except in the
plain softmax, which uses inner products). A label outside [0, classes) yields NaN: label values cannot be checked
while tracing, and a finite loss would hide the bug. NumPy labels outside JAX's integers are refused, as in `compare`.

A head with a state takes the state as an argument; a function named `…_next_…` returns the state after a batch:

t    = heads.curricularface_next_t(embeddings, labels, prototypes, t)
loss = heads.curricularface(embeddings, labels, prototypes, t=t)
"""

from lfw_jax.metric.heads.adacos import adacos, adacos_next_scale, adacos_scale
from lfw_jax.metric.heads.adaptive import adaface, adaface_next_statistics, magface
from lfw_jax.metric.heads.cosines import cosines
from lfw_jax.metric.heads.curricularface import curricularface, curricularface_next_t
from lfw_jax.metric.heads.margins import arcface, combined_margin, cosface, subcenter_arcface
from lfw_jax.metric.heads.proxies import proxy_anchor, soft_triple
from lfw_jax.metric.heads.softmax import normalized_softmax, softmax
from lfw_jax.metric.heads.sphereface import sphereface

__all__ = [
    "adacos",
    "adacos_next_scale",
    "adacos_scale",
    "adaface",
    "adaface_next_statistics",
    "arcface",
    "combined_margin",
    "cosface",
    "cosines",
    "curricularface",
    "curricularface_next_t",
    "magface",
    "normalized_softmax",
    "proxy_anchor",
    "soft_triple",
    "softmax",
    "sphereface",
    "subcenter_arcface",
]
