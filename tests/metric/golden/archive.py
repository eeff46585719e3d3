"""What the scripts here share that compute figures with pytorch-metric-learning 2.9.0, in an environment of their own.

    python3.11 -m venv .peer && .peer/bin/pip install torch==2.13.0 pytorch-metric-learning==2.9.0
    .peer/bin/python tests/metric/golden/make_metric.py

LFW_JAX_GOLDEN is the folder to write to, this one where it is not set; LFW_JAX_GOLDEN_SEED is added to all seeds, so that
`make parity` compares on new random batches.
"""

import os
from pathlib import Path

import numpy as np


def random(seed: int) -> np.random.Generator:
    """Random numbers of a script."""
    return np.random.default_rng(seed + int(os.environ.get("LFW_JAX_GOLDEN_SEED", "0")))


def save(name: str, arrays: dict[str, np.ndarray]) -> None:
    """Write an archive."""
    target = Path(os.environ.get("LFW_JAX_GOLDEN") or Path(__file__).parent) / f"{name}.npz"
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, **arrays)
    print(f"{target.name}: {len(arrays)} arrays, {target.stat().st_size / 1e3:.0f} kB")


def counts(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Count of each (row, column)."""
    found = np.zeros(shape, np.uint16)
    np.add.at(found, (np.asarray(rows), np.asarray(columns)), 1)
    return found
