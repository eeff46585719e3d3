"""Runs inside a test process draw no figures for TensorBoard, a second each; runs of the command line do."""

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(scope="module", autouse=True)
def _no_figures_in_tensorboard() -> Iterator[None]:
    """Write one grey pixel for each figure, which tests/report draws."""
    from lfw_jax.report import tensorboard  # only now: JAX reads the variables of tests/conftest.py when it is imported

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tensorboard, "figure_pixels", lambda _: np.full((1, 1, 3), 128, np.uint8))
        yield
