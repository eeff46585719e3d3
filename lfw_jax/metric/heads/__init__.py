"""Classification heads: embeddings × prototypes → scalar.

Every head returns the mean loss of the batch as a float32 scalar. Margins of angular heads are in radians. Inputs may be
float32 or bfloat16; products and sums are taken in float32. No head calls `acos`, so value and gradient are finite
everywhere, cos = ±1 included; an all-zero embedding has cosine 0 to everything and gradient 0 (but of the plain softmax,
which takes no cosines). A label without a prototype makes the loss NaN: no shape can tell, and a wrong number would go
unseen.

A head with a state takes it as an argument, and `…_next_…` gives the state after a batch:

t    = heads.curricularface_next_t(embeddings, labels, prototypes, t)
loss = heads.curricularface(embeddings, labels, prototypes, t=t)
"""

from lfw_jax.metric.heads.adacos import adacos, adacos_next_scale, adacos_scale
from lfw_jax.metric.heads.adaptive import (
    adaface,
    adaface_next_statistics,
    curricularface,
    curricularface_next_t,
    magface,
)
from lfw_jax.metric.heads.cosines import cosines
from lfw_jax.metric.heads.margins import (
    arcface,
    combined_margin,
    cosface,
    normalized_softmax,
    softmax,
    sphereface,
    subcenter_arcface,
)
from lfw_jax.metric.heads.proxies import proxy_anchor, soft_triple

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
