"""The sheet at step 0 shows what the network of step 0 is given, and stands in TensorBoard once."""

import io
import sys
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from ml_collections import ConfigDict
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from configs import base
from lfw_jax.augmentation import Augmentation, to_pixels
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.jobs.first_batch import first_batch_sheet, network_input
from lfw_jax.jobs.train_and_evaluate import run
from lfw_jax.training.devices import choose_devices, on_each, replicate, spread
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.optimizer import build_optimizer, build_schedule
from lfw_jax.training.state import init_state
from lfw_jax.training.step import make_step

SIDE, MARGIN, BATCH = 16, 2, 16


def tiny(folder, **changes) -> ConfigDict:
    config = base.get_config()
    config.data.update(
        source="folder", dir=str(folder), side=SIDE, margin=MARGIN, crop=0.6, loader="pillow", validation_people=0.3,
        pairs=30,
    )  # fmt: skip
    config.augmentation.update(rotation=15.0, shift=0.1, grayscale=0.3, blur=0.5, downscale=0.3, jpeg=0.5, erasing=0.5)
    config.sampler.batch_size = BATCH
    config.model = ConfigDict(dict(name="siamese", embedding_dim=8, features=(4,), hidden=8))
    config.loss = ConfigDict(dict(name="cosface", margin=0.2, scale="adacos"))
    config.training.update(epochs=1.0, log_every=1, devices=2)
    config.evaluation.update(every_epochs=1.0, batch_size=32)
    config.update_from_flattened_dict(changes)
    return config.lock()


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("drawn") / "faces", people=24, images_per_person=4, side=40, seed=0)


@pytest.fixture(autouse=True)
def _reader_without_tensorflow(monkeypatch):
    # TensorBoard's reader looks for this module, and where it is there, leaves TensorFlow (20 seconds) alone.
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("notf"))


class Witness(nn.Module):
    """A network that keeps what it is shown."""

    @nn.compact
    def __call__(self, images, *, train: bool):
        shown = self.variable("batch_stats", "shown", lambda: jnp.zeros((4, SIDE, SIDE, 3)))
        if train:
            shown.value = images
        return nn.Dense(8)(images.reshape(len(images), -1))


@pytest.mark.parametrize("number", [0, 7])
def test_the_sheet_holds_what_the_step_gives_the_network_on_every_device(faces, tmp_path, number):
    experiment = build_experiment(tiny(faces), tmp_path)
    _, stored = experiment.first_images(BATCH)
    options = dict(
        name="adam", learning_rate=1e-3, weight_decay=0.0, clip_norm=0.0, warmup_epochs=0.0, constant_epochs=0.0,
        decay="none", final_fraction=0.0,
    )  # fmt: skip
    objective = build_objective(
        dict(name="normalized_softmax", scale=8.0), dict(name="none"), classes=2, embedding_dim=8, paired=False
    )
    optimizer = build_optimizer(options, build_schedule(options, total_epochs=1, steps_per_epoch=1))
    augmentation = Augmentation.from_config(experiment.config.augmentation)
    step = make_step(Witness(), objective, optimizer, augmentation, side=SIDE, seed=experiment.config.seed)
    devices = choose_devices(4, BATCH)
    state = init_state(jax.random.key(0), Witness(), objective, optimizer, side=SIDE).replace(step=jnp.int32(number))
    after, _ = on_each(step, devices)(
        replicate(state, devices), spread(stored, devices), spread(np.arange(BATCH) % 2, devices)
    )
    shown = np.asarray(after.batch_stats["shown"]).reshape(BATCH, SIDE, SIDE, 3)
    seen = network_input(experiment, stored, step=number)
    # A coefficient of JPEG that lies halfway may be rounded either way.
    assert np.mean(seen != to_pixels(shown)) < 0.01
    assert np.abs(seen.astype(int) - stored[:, MARGIN:-MARGIN, MARGIN:-MARGIN]).mean() > 5


def test_tensorboard_has_the_sheet_once_at_step_0_however_often_a_run_resumes(faces, tmp_path):
    workdir = tmp_path / "run"
    for changes in ({"training.max_minutes": 1e-9}, {"training.max_minutes": 1e-9}, {}):
        run(tiny(faces, **changes), str(workdir), name="tiny", train=True, command="python launch.py")
    events = EventAccumulator(str(workdir / "tensorboard"), size_guidance={"images": 0, "scalars": 0}).Reload()
    [event] = events.Images("train/network_input")
    assert event.step == 0
    assert len(events.Scalars("train/loss")) >= 3
    with Image.open(io.BytesIO(event.encoded_image_string)) as written:
        sheet = np.asarray(written)
    np.testing.assert_array_equal(sheet, first_batch_sheet(build_experiment(tiny(faces), tmp_path)))


def test_the_sheet_shows_each_stored_square_beside_its_change(faces, tmp_path):
    experiment = build_experiment(tiny(faces), tmp_path)
    _, stored = experiment.first_images(BATCH)
    sheet, seen = first_batch_sheet(experiment), network_input(experiment, stored, step=0)
    windows = np.lib.stride_tricks.sliding_window_view(sheet, (SIDE, SIDE, 3))[:, :, 0]
    for before, after in zip(stored, seen, strict=True):
        inside = before[MARGIN:-MARGIN, MARGIN:-MARGIN]
        [left], [right] = (np.argwhere((windows == square).all(axis=(2, 3, 4))) for square in (inside, after))
        assert left[0] == right[0]
        assert right[1] == left[1] + SIDE + MARGIN + 2


def test_a_mistaken_option_is_told_before_anything_is_written(faces, tmp_path):
    with pytest.raises(UserError, match=r"--config\.augmentation\.jpeg_quality is 0"):
        run(tiny(faces, **{"augmentation.jpeg_quality": 0}), str(tmp_path / "run"), name="tiny", train=True, command="")
    assert not (tmp_path / "run").exists()
