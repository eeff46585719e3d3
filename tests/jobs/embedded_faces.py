"""A small trained network, synthetic faces and their file of embeddings, for the modes that use embeddings."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from configs import quickstart
from lfw_jax.data.synthetic import write_folder
from lfw_jax.jobs.dispatch import Request, run_job
from tests.jobs.tiny_members import network, one_run, with_data


def asked(mode: str, model: Path | str, **flags: Any) -> dict[str, Any]:
    """Return what a mode delivers."""
    delivered: list[dict[str, Any]] = []
    texts = {name: str(value) if isinstance(value, Path) else value for name, value in flags.items()}
    config = quickstart.get_config()
    run_job(Request(mode, config, "quickstart", model=str(model), deliver=delivered.append, **texts))
    return delivered[0]


def embedded_faces(factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `faces`, 16 identities, `run`, a work directory, and `faces.npz`, made once for all modules."""
    return _made(factory.getbasetemp())


@cache
def _made(base: Path) -> Path:
    folder = base / "embedded"
    folder.mkdir()
    faces = write_folder(folder / "faces", people=16, images_per_person=3, side=40, seed=0)
    one_run(with_data(network(), faces), folder / "run")
    asked("embed", folder / "run", input=faces, output=folder / "faces.npz")
    return folder
