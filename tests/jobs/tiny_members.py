"""Small configurations of networks, descriptors and fused systems, and their runs."""

from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from configs import base, quickstart
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.jobs.train_and_evaluate import run


def network(**changes: Any) -> ConfigDict:
    config = base.get_config()
    config.data.update(side=16, margin=1)
    config.sampler.batch_size = 16
    config.model = ConfigDict(dict(name="patch_resnet", embedding_dim=8, features=(4,), dropout=0.1, winograd=False))
    config.loss = ConfigDict(dict(name="adacos"))
    config.training.update(epochs=1.0, log_every=2)
    config.evaluation.update(every_epochs=1.0, batch_size=32)
    config.update_from_flattened_dict(changes)
    return config


def descriptors(**changes: Any) -> ConfigDict:
    config = base.without_training()
    config.data.update(side=32, margin=2)
    config.model = ConfigDict(
        dict(name="descriptors", kind="lbp", scales=(14.0, 10.0), joint=True, cells=2, cell=4, layout="points")
    )
    config.backend = ConfigDict(dict(name="joint_bayesian", pca_dimension=12, whitening=0.25))
    config.update_from_flattened_dict(changes)
    return config


def with_data(config: ConfigDict, folder: Path) -> ConfigDict:
    config.data.update(
        source="folder", dir=str(folder), crop=0.8, loader="pillow", validation_people=0.3, pairs=30, protocol="generated"
    )  # fmt: skip
    config.training.devices = 1
    config.evaluation.update(false_match_rate=0.1, cohort=5)
    return config


def fused(folder: Path, **changes: Any) -> ConfigDict:
    config = base.without_training()
    config.data.update(side=32)
    config.model = ConfigDict(dict(name="members"))
    config.fusion = ConfigDict(dict(name="logistic"))
    config.members.texture = descriptors()
    config.members.network = network(seed=3)
    config.members.texture.data.crop = config.members.network.data.crop = 0.8
    config = with_data(config, folder)
    config.update_from_flattened_dict(changes)
    return config


def one_run(config: ConfigDict, workdir: Path, *, train: bool = True) -> dict[str, Any]:
    delivered: list[dict[str, Any]] = []
    run(config.lock(), str(workdir), name="tiny", train=train, command="launch.py", deliver=delivered.append)
    return delivered[-1]


def cosines(pairs: ScoredPairs) -> np.ndarray:
    return 1 - pairs.distances**2 / 2


def files_of(pairs: ScoredPairs, faces: Path) -> tuple[list[Path], list[Path]]:
    """Return the files of the first and of the second image of each pair."""
    assert pairs.identities is not None
    assert pairs.images is not None
    first, second = (
        [
            faces / name / f"{name}_{number:04}.jpg"
            for name, number in zip(pairs.identities[:, side], pairs.images[:, side], strict=True)
        ]
        for side in (0, 1)
    )
    return first, second


def decided(workdir: Path, faces: Path, pairs: ScoredPairs) -> float:
    """Return the distance that `--mode=verify` gives for the first pair."""
    files = [files[0] for files in files_of(pairs, faces)]
    delivered: list[Any] = []
    run_job(
        Request(
            "verify", quickstart.get_config(), "quickstart", str(workdir), ",".join(map(str, files)),
            deliver=delivered.append,
        )
    )  # fmt: skip
    return delivered[0]["decisions"][0]["distance"]
