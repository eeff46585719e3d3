"""A service whose faces are coloured tiles: quick to make, and with answers that can be computed by hand."""

import dataclasses
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.evaluation.calibration.calibrate import FittedCalibrations
from lfw_jax.evaluation.calibration.decision import SavedCalibration
from lfw_jax.evaluation.calibration.likelihood_ratio import IsotonicCalibration, LogisticCalibration
from lfw_jax.evaluation.calibration.results import CalibrationResult, OperatingPoint
from lfw_jax.evaluation.run_metrics import Views
from lfw_jax.faces.crops import CropSettings
from lfw_jax.faces.detection import Face
from lfw_jax.inference.model.card import AlignmentCard, DistanceHistogram, ModelCard, SystemCard, TestCard, TrainingCard
from lfw_jax.inference.model.face_finder import FaceFinder
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.gallery import Gallery
from lfw_jax.serving.gallery import ServedGallery
from lfw_jax.serving.limits import Limits
from lfw_jax.serving.service import Service
from tests.inference.tables import table_of

TILE = 80
GREY = 128
THRESHOLDS = {0.1: 1.2, 0.01: 0.9, 0.001: 0.5}


def photo(*colours: tuple[int, int, int] | None, kind: str = "PNG") -> bytes:
    """Return a photo with a tile for each colour; a tile without a colour is grey and shows no face."""
    pixels = np.full((TILE, TILE * max(len(colours), 1), 3), GREY, np.uint8)
    for number, colour in enumerate(colours):
        if colour is not None:
            pixels[:, number * TILE : (number + 1) * TILE] = colour
    return encoded(pixels, kind)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def detector(images: Sequence[np.ndarray]) -> list[list[Face]]:
    """Find a face in each tile that is not grey; the leftmost has the best score."""
    return [list(_faces(image)) for image in images]


def _faces(image: np.ndarray) -> Any:
    for number in range(image.shape[1] // TILE):
        left = number * TILE
        if abs(image[:TILE, left : left + TILE].reshape(-1, 3).astype(float) - GREY).mean() > 8:
            x, y = left + TILE / 2, TILE / 2
            points = np.array([[x - 12, y - 8], [x + 12, y - 8], [x, y + 4], [x - 10, y + 16], [x + 10, y + 16]])
            yield Face((left + 8, 8, left + TILE - 8, TILE - 8), points, 1 - number / 100)


class ColourSystem:
    """Embeds a face as its mean colour, relative to grey."""

    def __init__(self):
        self.sizes: list[int] = []

    def prepare(self, photo: Any) -> Any:
        left, top, right, bottom = (int(value) for value in (photo.face.box if photo.face else (0, 0, 9, 9)))
        return photo.pixels[top:bottom, left:right].reshape(-1, 3).mean(0) - GREY

    def prepare_aligned(self, crop: Any) -> Any:
        return crop.decode().reshape(-1, 3).mean(0) - GREY

    def embed(self, faces: Sequence[Any]) -> np.ndarray:
        self.sizes.append(len(faces))
        return np.stack(faces).astype(np.float32)


def card(*, aligned: bool = True) -> ModelCard:
    curve = tuple(
        OperatingPoint(rate, threshold, rate * 1.1, (rate / 2, rate * 2), 0.3 - rate, (0.2, 0.4))
        for rate, threshold in THRESHOLDS.items()
    )
    result = CalibrationResult(
        "held-out identities", 60, 30, 5000, 40, 0.001, "pairsDevTest", 9000, 0.5, 0.3, (), 0.001, ()
    )
    fitted = FittedCalibrations(LogisticCalibration(-6.0, 5.4), IsotonicCalibration((0.5, 1.5), (3.0, -3.0)))
    edges = np.linspace(0, 2, 21)
    middle = (edges[1:] + edges[:-1]) / 2
    same, different = (np.round(90 * np.exp(-(((middle - at) / 0.25) ** 2))).astype(int) for at in (0.7, 1.3))
    alignment = AlignmentCard("tiles", CropSettings(face="centre"), "png") if aligned else None
    return ModelCard(
        1, "tiles", SystemCard({"name": "tiles"}, False, 0, 8, CropGeometry(32), alignment),
        SavedCalibration(1, "best", 10, Views(False, 0), fitted, result), curve,
        DistanceHistogram(tuple(edges.tolist()), tuple(same.tolist()), tuple(different.tolist())),
        TrainingCard("folder", "view1", 300, 1200, 40, 0, "", "arcface", 3.0),
        TestCard("pairsDevTest", 1000, 0.895, (0.874, 0.913), "held-out identities", 0.96),
        "Trained on synthetic faces.", ("It learned from 1,200 images of 300 identities.", "A human must check."),
        0, "python launch.py", {}, "ab" * 32,
    )  # fmt: skip


RED, GREEN, BLUE, ROSE = (250, 20, 30), (10, 240, 40), (30, 10, 250), (240, 40, 60)


def gallery() -> ServedGallery:
    colours = [GREEN, RED, BLUE]
    faces = table_of(np.asarray(colours, float) - GREY)
    named = dataclasses.replace(faces, identities=np.array(["Green", "Red", ""], "U64"))
    return ServedGallery(
        Gallery(named, "ab" * 32),
        ["green/1.png", "red/1.png", "blue.png"],
        lambda row: None if row == 2 else np.full((96, 96, 3), colours[row], np.uint8),
    )


def service(*, aligned: bool = True, with_gallery: bool = False, find: Any = detector, **limits: Any) -> Service:
    changed = dataclasses.replace(Limits(requests_per_minute=0), **limits)
    finder = FaceFinder(lambda: find, face="centre")
    verifier = FaceVerifier(card(aligned=aligned), ColourSystem(), finder)
    return Service(verifier, fmr=0.01, gallery=gallery() if with_gallery else None, limits=changed, threads=2)
