"""The mtcnn package itself, to compare with."""

from collections.abc import Callable
from typing import Any

import joblib
import pytest

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
