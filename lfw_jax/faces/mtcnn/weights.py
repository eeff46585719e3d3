"""The weight files of the installed mtcnn package, read without importing TensorFlow."""

import importlib.util
import io
from pathlib import Path

import numpy as np

from lfw_jax.errors import UserError

_FOLDER = "assets/weights"


def weight_file(network: str) -> Path:
    """Return the path of a network's weights: "pnet", "rnet" or "onet".

    Raises:
      UserError: mtcnn is not installed, or it is not the version that has this file.
    """
    spec = importlib.util.find_spec("mtcnn")
    if spec is None or not spec.submodule_search_locations:
        raise UserError("face detection needs the weights of the package mtcnn; install it with `pip install mtcnn`.")
    file = Path(next(iter(spec.submodule_search_locations))) / _FOLDER / f"{network}.lz4"
    if not file.is_file():
        raise UserError(f"{file} does not exist; expected the weights of mtcnn 1.0: `pip install mtcnn==1.0.0`.")
    return file


def read_weights(network: str) -> list[np.ndarray]:
    """Return the arrays of a network, in the order of its Keras model: "pnet", "rnet" or "onet".

    The file is decompressed here because joblib leaves its reader open: from Python 3.13 on, the garbage collector then prints a
    traceback.

    Raises:
      UserError: mtcnn, joblib or lz4 is not installed, or the file is missing.
    """
    file = weight_file(network)
    try:
        import joblib
        import lz4.frame
    except ModuleNotFoundError as error:
        raise UserError(
            f"reading mtcnn's weights needs the packages joblib and lz4 ({error}); install them with "
            "`pip install joblib lz4`."
        ) from error
    # Unpickling runs code, but only of an installed package, which could run code in any case.
    return joblib.load(io.BytesIO(lz4.frame.decompress(file.read_bytes())))
