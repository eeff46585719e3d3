"""A small set of synthetic faces with the lists of View 2, and a tiny configuration for it."""

from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from configs import base
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.protocols.lfw_lists import PairList, generate_pairs, write_pairs
from lfw_jax.data.synthetic import write_folder

FOLDS = 3


def tiny(folder: Path, **changes) -> ConfigDict:
    config = base.get_config()
    config.data.update(
        source="folder", dir=str(folder), protocol="view2", fold=1, near_duplicates="remove", side=16, crop=0.6,
        loader="pillow", validation_people=0.3, pairs=20,
    )  # fmt: skip
    config.sampler.batch_size = 16
    config.model = ConfigDict(dict(name="patch_resnet", embedding_dim=8, features=(4,), dropout=0.1, winograd=False))
    config.loss = ConfigDict(dict(name="cosface", margin=0.2, scale="adacos"))
    config.training.update(epochs=1.0, log_every=1, devices=1)
    config.evaluation.update(every_epochs=1.0, batch_size=32)
    config.update_from_flattened_dict(changes)
    return config.lock()


def write_view2_faces(folder: Path) -> Path:
    folder = write_folder(folder, people=30, images_per_person=4, side=64, seed=0)
    images = read_folder(folder)
    numbers = images.numbers_by_identity()
    groups = [images.names[fold::FOLDS] for fold in range(FOLDS)]
    lists = [generate_pairs({name: numbers[name] for name in group}, pairs=20, seed=0) for group in groups]
    joined = PairList(
        first=tuple(key for part in lists for key in part.first),
        second=tuple(key for part in lists for key in part.second),
        same=np.concatenate([part.same for part in lists]),
        name="pairs",
        folds=np.repeat(np.arange(FOLDS), 40),
    )
    write_pairs(folder / "pairs.txt", joined)
    blocks = ["\n".join([str(len(group)), *(f"{name}\t4" for name in group)]) for group in groups]
    (folder / "people.txt").write_text("\n".join([str(FOLDS), *blocks]) + "\n")
    return folder
