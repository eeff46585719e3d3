"""The engines of alignment: what finds the face of an image."""

import dataclasses
import importlib.metadata
import importlib.util
from collections.abc import Callable

from ml_collections import ConfigDict

from lfw_jax.errors import UserError
from lfw_jax.faces.congealing.model import AlignmentModel
from lfw_jax.faces.detection import Detect, Detector

ENGINES = ("auto", "mtcnn", "jax", "congealing")
CONGEALING = "congealing"


@dataclasses.dataclass(frozen=True, eq=False)
class Engine:
    """An engine of alignment.

    Attributes:
      key: its name in the settings of an aligned folder, which tells engines apart that find different faces.
      make: builds its detector.
      model: the learned alignment; None for a detector of faces.
    """

    key: str
    make: Callable[[], Detect]
    model: AlignmentModel | None = None


def engine_of(config: ConfigDict) -> Engine:
    """Return the engine that a configuration names.

    Args:
      config: `config.align`.

    Raises:
      UserError: the engine is unknown, or is a learned alignment without the file of its model.
    """
    check_engine(config)
    if config.engine == CONGEALING:
        if not config.model:
            raise UserError(
                "--config.align.engine=congealing needs a learned alignment; expected its file in --config.align.model."
            )
        model = AlignmentModel.load(config.model)
        if model.settings.crop != config.fallback_crop:
            raise UserError(
                f"--config.align.model: {config.model} starts from a central crop of {model.settings.crop:g} of the image; "
                f"expected the same --config.align.fallback_crop, found {config.fallback_crop:g}. Give the former, or fit "
                "another model."
            )
        return learned_engine(model)
    try:
        version = importlib.metadata.version("mtcnn")
    except importlib.metadata.PackageNotFoundError:
        version = "missing"
    return Engine(f"mtcnn {version}", make_detector(config.engine, batch_size_of(config)))


def check_engine(config: ConfigDict) -> None:
    """Check the name of the engine, and that a model is given only to the engine that uses it.

    Args:
      config: `config.align`.

    Raises:
      UserError: the engine is unknown, or does not use the model.
    """
    if config.engine not in ENGINES:
        raise UserError(f"--config.align.engine is '{config.engine}'; expected {', '.join(ENGINES)}.")
    if config.model and config.engine != CONGEALING:
        raise UserError(
            f"--config.align.model is {config.model}, but --config.align.engine is '{config.engine}', which uses no model; "
            "expected congealing, or no model."
        )


def learned_engine(model: AlignmentModel) -> Engine:
    """Return the engine of a learned alignment.

    Args:
      model: the learned alignment.
    """

    def detector() -> Detect:
        # Imported here because it loads JAX, which the engine "mtcnn" does not need.
        from lfw_jax.faces.congealing.detector import CongealingDetector

        return CongealingDetector(model)

    return Engine(f"{CONGEALING} {model.digest()}", detector, model)


def batch_size_of(config: ConfigDict) -> int:
    """Return the configured batch size, or if it is 0, the fastest for the device.

    Args:
      config: `config.align`.
    """
    if config.batch_size:
        return config.batch_size
    if config.engine == CONGEALING:
        return 256
    return 256 if config.engine != "mtcnn" and _accelerated() else 32


def make_detector(engine: str, batch_size: int = 32) -> Callable[[], Detect]:
    """Return a function that builds the face detector of an engine.

    Args:
      engine: "mtcnn" for the mtcnn package on the CPU, "jax" for the JAX cascade, or "auto", which is the JAX cascade if JAX
        has an accelerator or TensorFlow is not installed.
      batch_size: images per batch of the JAX cascade.
    """
    if engine == "mtcnn" or (engine == "auto" and importlib.util.find_spec("tensorflow") and not _accelerated()):
        return Detector

    def cascade() -> Detect:
        # Imported here because it loads JAX, which the engine "mtcnn" does not need.
        from lfw_jax.faces.cascade.detector import CascadeDetector

        return CascadeDetector(batch_size)

    return cascade


def _accelerated() -> bool:
    import jax

    return jax.default_backend() != "cpu"
