"""Trained networks as TensorFlow SavedModels, which call the StableHLO of `jax.export`.

TensorFlow's operator `XlaCallModule` holds the module and the parameters, so that serving needs neither JAX nor this package.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export
from jaxlib.mlir.dialects import stablehlo
from jaxtyping import Float, UInt8

from lfw_jax.errors import UserError
from lfw_jax.inference.export.manifest import INPUT, OUTPUT

_STABLEHLO = "1.9.0"  # an older TensorFlow than JAX reads no newer version of the operators

SIGNATURE = "serving_default"
"""The signature of a SavedModel that serving tools call."""


def tensorflow_version(version: int) -> str:
    """Return the version of TensorFlow, after a check that it is installed and not too old.

    Args:
      version: the calling convention of the module.

    Raises:
      UserError: it is missing or too old.
    """
    remedy = "run `pip install 'lfw-jax[tensorflow]'`, or choose a name that ends in .onnx or .stablehlo."
    try:
        import tensorflow as tf
        from tensorflow.compiler.tf2xla.python import xla
    except ImportError as error:
        raise UserError(
            f"--output names a SavedModel, which needs TensorFlow with XLA, which is not installed; {remedy}"
        ) from error
    if (supported := xla.call_module_maximum_supported_version()) < version:
        raise UserError(
            f"--output names a SavedModel; TensorFlow {tf.__version__} runs StableHLO modules up to version {supported}, found "
            f"version {version} of the installed JAX; {remedy}"
        )
    return str(tf.__version__)


def write_saved_model(exported: export.Exported, folder: Path) -> None:
    """Write a SavedModel whose signature `serving_default` maps stored squares to unit embeddings.

    Args:
      exported: the module, with one argument and one result.
      folder: the folder.
    """
    import tensorflow as tf
    from tensorflow.compiler.tf2xla.python import xla

    module_bytes = stablehlo.serialize_portable_artifact_str(
        stablehlo.deserialize_portable_artifact_str(exported.mlir_module_serialized), _STABLEHLO
    )
    _, *shape = exported.in_avals[0].shape
    _, dim = exported.out_avals[0].shape
    squares = tf.TensorSpec([None, *shape], tf.uint8, name=INPUT)

    def embed(squares: Any) -> dict[str, Any]:
        found: Any = xla.call_module(
            [squares],
            version=exported.calling_convention_version,
            module=module_bytes,
            Tout=[tf.float32],
            Sout=[tf.TensorShape([None, dim])],
            platforms=[platform.upper() for platform in exported.platforms],
        )
        return {OUTPUT: found[0]}

    module: Any = tf.Module()
    module.embed = tf.function(embed, input_signature=[squares], autograph=False)
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: module.embed})


def run_saved_model(
    folder: Path, squares: UInt8[np.ndarray, "images stored stored 3"]
) -> Float[np.ndarray, "images dim"]:
    """Return the unit embeddings by a SavedModel.

    Args:
      folder: its folder.
      squares: stored squares, at least one.

    Raises:
      UserError: TensorFlow cannot run it.
    """
    import tensorflow as tf

    try:
        signature = tf.saved_model.load(str(folder)).signatures[SIGNATURE]
        return signature(**{INPUT: tf.constant(squares)})[OUTPUT].numpy()
    except tf.errors.OpError as error:
        raise UserError(
            f"TensorFlow {tf.__version__} cannot run the StableHLO of JAX {jax.__version__} ({str(error).splitlines()[0]}). "
            "Nothing was written. Install a newer TensorFlow, or choose a name that ends in .onnx or .stablehlo."
        ) from error
