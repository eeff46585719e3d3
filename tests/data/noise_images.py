"""Noise images for tests, all different, of a few hundred bytes each."""

import io

import numpy as np
from PIL import Image


def noise(seed: int, side: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def jpeg(seed: int, side: int = 16, **options: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(noise(seed, side)).save(file, "JPEG", **options)
    return file.getvalue()
