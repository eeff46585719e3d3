"""The learned alignment: its settings, its arrays and its file."""

import dataclasses
import hashlib
import json
import math
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.faces.congealing.features import SIZE

ARRAYS = ("centres", "weights", "offsets")
_SHAPES = {"centres": (SIZE,), "weights": (SIZE, 4), "offsets": (4,)}  # of one stage
_FORMAT = "lfw_jax alignment model 1"


@dataclasses.dataclass(frozen=True)
class CongealingSettings:
    """The settings of congealing.

    Attributes:
      crop: the side of the central crop from which the poses start, as a share of the image's shorter side: 136 of LFW's 250
        pixels.
      rounds: the number of times that all poses are estimated anew.
      stages: the strength of the random transforms of each regressor in the cascade, in units of `spread`.
      spread: the standard deviations of the random transforms: angle in radians, log scale, shift in half sides of the crop.
      samples: random transforms per image and stage; every second one of the mirrored image.
      images: the largest number of images that take part; of more, a random sample is used.
      ridge: the weight of the penalty on the regressors, relative to the mean variance of the features.

    Raises:
      UserError: a value is out of range.
    """

    crop: float = 0.544
    rounds: int = 2
    stages: tuple[float, ...] = (1.0, 0.7, 0.5)
    spread: tuple[float, float, float, float] = (0.15, 0.12, 0.1, 0.1)
    samples: int = 4
    images: int = 4000
    ridge: float = 0.01

    def __post_init__(self):
        wanted = {
            "crop": (0.1 <= self.crop <= 1, "a share from 0.1 to 1"),
            "rounds": (self.rounds >= 1, "at least 1"),
            "stages": (len(self.stages) > 0 and min(self.stages) > 0, "at least one strength above 0"),
            "spread": (len(self.spread) == 4 and 0 < min(self.spread) < math.inf, "four deviations above 0"),
            "samples": (self.samples >= 2 and self.samples % 2 == 0, "an even number of at least 2"),
            "images": (self.images >= 2, "at least 2"),
            "ridge": (0 < self.ridge < math.inf, "a number above 0"),
        }
        for name, (valid, expected) in wanted.items():
            if not valid:
                raise UserError(f"congealing: {name} is {getattr(self, name)}; expected {expected}.")


@dataclasses.dataclass(frozen=True, eq=False)
class AlignmentModel:
    """A cascade of linear regressors from features to poses.

    Attributes:
      centres: the mean features of each stage.
      weights: what a stage multiplies the centred features by to estimate how far the pose is off.
      offsets: what it adds.
      settings: the settings of the fit.
      origin: a digest of the images and settings that the model was fitted on; "" if unknown.
    """

    centres: Float[np.ndarray, "stages features"]
    weights: Float[np.ndarray, "stages features 4"]
    offsets: Float[np.ndarray, "stages 4"]
    settings: CongealingSettings
    origin: str = ""

    def digest(self) -> str:
        """Return a digest of everything that the estimates depend on, as 32 hexadecimal digits."""
        whole = hashlib.blake2b(repr(self.settings.crop).encode(), digest_size=16)
        for name in ARRAYS:
            whole.update(np.ascontiguousarray(getattr(self, name), "<f4").tobytes())
        return whole.hexdigest()

    def save(self, path: str | Path) -> None:
        """Write the model, atomically; an existing file is replaced.

        Raises:
          UserError: the file cannot be written.
        """
        about = {"format": _FORMAT, "origin": self.origin, "settings": dataclasses.asdict(self.settings)}
        with written_atomically(Path(path), replace=True) as (unfinished,), open(unfinished, "wb") as file:
            np.savez(file, about=np.array(json.dumps(about)), **{name: getattr(self, name) for name in ARRAYS})

    @classmethod
    def load(cls, path: str | Path) -> "AlignmentModel":
        """Read a model.

        Raises:
          UserError: the file is missing, or is not an alignment model.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                arrays = {name: np.asarray(file[name], np.float32) for name in ARRAYS}
            if about["format"] != _FORMAT:
                raise ValueError(f"its format is {about['format']!r}")
            settings = about["settings"]
            settings = CongealingSettings(
                **settings | {"stages": tuple(settings["stages"]), "spread": tuple(settings["spread"])}
            )
            for name, array in arrays.items():
                if array.shape != (len(settings.stages), *_SHAPES[name]) or not np.isfinite(array).all():
                    raise ValueError(f"{name} has the shape {array.shape}, or is not finite")
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, UserError) as error:
            raise UserError(
                f"{path}: not an alignment model that can be read ({error}); expected a file that --mode=align with "
                "--config.align.engine=congealing writes. Check the path, or fit the model again."
            ) from error
        return cls(**arrays, settings=settings, origin=str(about["origin"]))
