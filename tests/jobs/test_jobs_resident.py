"""A run whose training set lives on the devices: the losses of the streamed run, and a refusal where there is no room."""

import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import base
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.jobs.training_run import training_of
from lfw_jax.training import resident
from lfw_jax.training.loop import train


def tiny(folder, **changes):
    config = base.get_config()
    config.data.update(
        source="folder", dir=str(folder), side=16, crop=0.6, margin=1, loader="pillow", validation_people=0.3, pairs=30
    )
    config.sampler.update(name="people_images", batch_size=16)
    config.model = ConfigDict(dict(name="siamese", embedding_dim=8, features=(8,), hidden=16))
    config.loss = ConfigDict(dict(name="softmax"))
    config.training.update(epochs=2.0, log_every=1, devices=2)
    config.update_from_flattened_dict(changes)
    return config.lock()


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("drawn") / "faces", people=24, images_per_person=4, side=40, seed=0)


def losses(config, workdir) -> list[float]:
    training, found = training_of(build_experiment(config, workdir)), []
    train(
        training.state, training.step, training.feed.batches(0, training.intervals.total), intervals=training.intervals,
        devices=training.devices, log=lambda _, values: found.append(values["train/loss"]), evaluate=lambda _: None,
        checkpoint=lambda _: None,
    )  # fmt: skip
    return found


def test_resident_kept_and_streamed_sets_give_the_same_losses(faces, tmp_path):
    streamed = losses(tiny(faces), tmp_path)
    assert len(set(streamed)) == len(streamed) > 3
    assert np.isfinite(streamed).all()
    assert losses(tiny(faces, **{"data.resident": True}), tmp_path) == streamed
    assert losses(tiny(faces, **{"data.keep_decoded": True}), tmp_path) == streamed


def test_a_set_without_room_is_refused_before_anything_is_decoded(faces, tmp_path, monkeypatch):
    monkeypatch.setattr(resident, "free_bytes", lambda _: 10_000)
    experiment = build_experiment(tiny(faces, **{"data.resident": True}), tmp_path)  # an evaluation needs no such room
    with pytest.raises(UserError, match=r"--config\.data\.resident=True keeps \d+ images of 18×18 pixels"):
        training_of(experiment)
