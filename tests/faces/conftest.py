"""The mtcnn package itself, to compare with, and the check that its rounding is not taken over."""

from collections.abc import Callable, Sequence
from typing import Any

import joblib
import numpy as np
import pytest

from lfw_jax.faces import crops
from lfw_jax.faces.alignment import align
from lfw_jax.faces.crops import CropSettings, crop_faces
from lfw_jax.faces.detection import Detect
from lfw_jax.faces.mtcnn.weights import read_weights


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """A function that makes the package's detector.

    Its weights are handed over uncompressed: the package leaves a reader of a compressed file open, and Python 3.13
    reports what then goes wrong.
    """
    from mtcnn import MTCNN
    from mtcnn.stages import StageONet, StagePNet, StageRNet

    folder = tmp_path_factory.mktemp("weights")
    stages = {"pnet": StagePNet, "rnet": StageRNet, "onet": StageONet}
    for name in stages:
        joblib.dump(read_weights(name), folder / name)
    return lambda: MTCNN([stage(weights=str(folder / name)) for name, stage in stages.items()], device="CPU:0")


@pytest.fixture
def assert_subpixel_crops(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Detect, Sequence[np.ndarray]], None]:
    """A check that the transforms of crops get the networks' points, of which the package reports the whole pixels."""

    def check(package: Any, detect: Detect, images: Sequence[np.ndarray]) -> None:
        given: list[np.ndarray] = []

        def spy(image: np.ndarray, points: np.ndarray, **shape: int) -> np.ndarray:
            given.append(points)
            return align(image, points, **shape)

        monkeypatch.setattr(crops, "align", spy)
        made = crop_faces(images, detect, CropSettings(face="best"))
        chosen = [(image, crop.face) for image, crop in zip(images, made, strict=True) if crop.face]
        assert len(chosen) >= 4
        for (image, face), points in zip(chosen, given, strict=True):
            assert points is face.points
            best = max(package.detect_faces(image), key=lambda one: one["confidence"])["keypoints"]
            names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
            whole = np.array([best[name] for name in names])
            assert np.abs(points - whole).max() <= 0.51
        fractions = np.concatenate(given) % 1
        assert ((fractions > 0.01) & (fractions < 0.99)).mean() > 0.9  # 0.98 if they are spread evenly

    return check
