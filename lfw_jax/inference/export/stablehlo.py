"""Trained networks as serialised StableHLO, by `jax.export`."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jaxtyping import Float, UInt8

from lfw_jax.inference.export.exportable import Exportable

PLATFORMS = ("cpu", "cuda")
"""The platforms that an artifact runs on."""


def stablehlo_of(exported: Exportable) -> export.Exported:
    """Return a trained network as StableHLO with a symbolic batch, for all of `PLATFORMS`.

    Products are in full float32 on every platform, so that distances are those of the evaluation on a CPU.

    Args:
      exported: the exported system.
    """
    side = exported.embedder.geometry.stored_side
    (batch,) = export.symbolic_shape("batch")
    with jax.default_matmul_precision("highest"):
        return export.export(jax.jit(exported.embed_traced), platforms=PLATFORMS)(
            jax.ShapeDtypeStruct((batch, side, side, 3), jnp.uint8)
        )


def run_stablehlo(path: Path, squares: UInt8[np.ndarray, "images stored stored 3"]) -> Float[np.ndarray, "images dim"]:
    """Return the unit embeddings by a file of serialised StableHLO.

    Args:
      path: the file.
      squares: stored squares, at least one.
    """
    return np.asarray(export.deserialize(bytearray(path.read_bytes())).call(squares))
