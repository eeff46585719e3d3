"""Figures of pytorch-metric-learning: the committed ones, or those that `make parity` has just computed."""

import os
from pathlib import Path

import numpy as np


def golden(name: str) -> dict[str, np.ndarray]:
    """The arrays of one archive."""
    folder = Path(os.environ.get("LFW_JAX_GOLDEN") or Path(__file__).parent)
    with np.load(folder / f"{name}.npz") as archive:
        return dict(archive)
