"""The trained system that a request names."""

from pathlib import Path

from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.decision import VerificationRule
from lfw_jax.evaluation.calibration.results import OperatingPoint
from lfw_jax.faces.engines import CONGEALING
from lfw_jax.inference.model.directory import CARD, MODEL
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.run_config import check_no_other, config_of_run


def load_verifier(request: Request, *, fallback: bool = False) -> FaceVerifier:
    """Return the trained system of `--model`, or of the model directory in `--workdir`.

    Args:
      request: the flags.
      fallback: true to take the centre of a photo without a detected face, as the evaluation does.

    Raises:
      UserError: neither flag is given, the model cannot be read, or `--config` is of another run.
    """
    folder = model_folder(request)
    engine = request.config.align.engine
    return FaceVerifier.load(folder, detector="auto" if engine == CONGEALING else engine, fallback=fallback)


def model_folder(request: Request) -> Path:
    """Return the model directory of `--model`, or that in `--workdir`.

    Args:
      request: the flags.

    Raises:
      UserError: neither flag is given, a work directory has no model directory, or `--config` is of another run.
    """
    if not (given := request.model or request.workdir):
        raise UserError(f"--mode={request.mode} needs --model: a model directory, or a work directory with one.")
    path = Path(given)
    if (path / "config.json").is_file():
        check_no_other(request.config, config_of_run(path), f"--mode={request.mode}")
        if not (path / MODEL).is_dir():
            raise UserError(
                f"{path}: found no folder {MODEL}; expected the work directory of an evaluated run. Earlier versions wrote "
                "none: evaluate again with --mode=evaluate and the --config of the training."
            )
    return path if (path / CARD).is_file() else path / MODEL


def operating_point(request: Request, verifier: FaceVerifier) -> OperatingPoint:
    """Return the operating point for `--fmr`, by default for the rate of the evaluation of the model.

    Args:
      request: the flags.
      verifier: the trained system.

    Raises:
      UserError: the model's evaluation does not support the rate.
    """
    if request.fmr is not None:
        return verifier.operating_point(request.fmr)
    source = f"{request.model or request.workdir}: {CARD}"
    return VerificationRule.of(verifier.card.calibration, source).threshold.point
