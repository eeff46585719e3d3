"""A training set on the devices: the steps of the streamed one, bit for bit, without work for the host."""

import itertools
from functools import partial

import jax
import numpy as np
import pytest

from lfw_jax.augmentation import Augmentation
from lfw_jax.errors import UserError
from lfw_jax.models import build
from lfw_jax.training import resident
from lfw_jax.training.devices import (
    AXIS,
    choose_devices,
    free_bytes,
    on_each,
    place_copies,
    replicate,
    spread,
    unreplicate,
)  # fmt: skip
from lfw_jax.training.loop import Intervals, train
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.optimizer import build_optimizer, build_schedule
from lfw_jax.training.resident import check_room, resident_batches, resident_step
from lfw_jax.training.state import State, init_state
from lfw_jax.training.step import Step, make_step

SIDE, STORED, BATCH, IMAGES, PEOPLE = 12, 14, 8, 40, 5
IMAGE = np.random.default_rng(0).integers(0, 256, (IMAGES, STORED, STORED, 3), np.uint8)
LABEL = (np.arange(IMAGES) % PEOPLE).astype(np.int32)


def indices(step: int) -> np.ndarray:
    return np.random.default_rng(step).permutation(IMAGES)[:BATCH]


def make() -> tuple[State, Step]:
    network = dict(name="siamese", embedding_dim=8, features=(8,), hidden=16)
    settings = dict(
        name="adamw", learning_rate=3e-3, weight_decay=0.01, clip_norm=1.0, warmup_epochs=0.0, constant_epochs=0.0,
        decay="none", final_fraction=0.0,
    )  # fmt: skip
    objective = build_objective(
        dict(name="softmax"), dict(name="none"), classes=PEOPLE, embedding_dim=8, paired=False, batch_size=BATCH
    )
    optimizer = build_optimizer(settings, build_schedule(settings, total_epochs=1, steps_per_epoch=100))
    state = init_state(jax.random.key(0), build(network), objective, optimizer, side=SIDE)
    augmentation = Augmentation(flip=0.5)
    return state, make_step(build(network, axis_name=AXIS), objective, optimizer, augmentation, side=SIDE, seed=0)


def run(state: State, step, batches, devices, total: int) -> tuple[list[float], State]:
    losses: list[float] = []
    last = train(
        state, step, batches, intervals=Intervals(total=total, log_every=1, evaluate_every=100), devices=devices,
        log=lambda _, values: losses.append(values["train/loss"]), evaluate=lambda _: None,
        checkpoint=lambda _: None,
    )  # fmt: skip
    return losses, last


def test_a_resident_set_trains_as_a_streamed_one_and_resumes_bit_for_bit(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resident, "_BLOCK", 3)  # so that blocks end, the last one early
    devices = choose_devices(4, BATCH)
    state, step = make()
    kept = place_copies((IMAGE, LABEL), devices)
    streamed, at_end = run(state, step, ((IMAGE[indices(s)], LABEL[indices(s)]) for s in itertools.count()), devices, 8)
    found, last = run(
        state, resident_step(step), resident_batches(kept, indices, start=0, stop=8, devices=devices), devices, 8
    )
    assert len(set(streamed)) == 8
    # Two programs: cheap compilation rounds a few operations of theirs in another order.
    np.testing.assert_allclose(found, streamed, rtol=1e-6)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6), last, at_end)
    # Resumed in the middle of what was a block.
    _, midway = run(
        state, resident_step(step), resident_batches(kept, indices, start=0, stop=4, devices=devices), devices, 4
    )
    rest, _ = run(
        midway, resident_step(step), resident_batches(kept, indices, start=4, stop=8, devices=devices), devices, 8
    )
    assert rest == found[4:]


@pytest.mark.filterwarnings("ignore:Some donated buffers")  # of what the guard refuses at the end
def test_a_resident_step_takes_nothing_from_the_host():
    devices = choose_devices(2, BATCH)
    state, step = make()
    kept = place_copies((IMAGE, LABEL), devices)
    batches = resident_batches(kept, indices, start=0, stop=4, devices=devices)
    mapped, copies = on_each(resident_step(step), devices), replicate(state, devices)
    first, total = next(batches), place_copies(np.int32(0), devices)
    copies, _ = mapped(copies, *spread(first, devices))
    with jax.transfer_guard_host_to_device("disallow_explicit"):
        for batch in batches:
            copies, logs = mapped(copies, *spread(batch, devices))
        with pytest.raises(Exception, match=r"[Dd]isallowed"):  # the guard does see what comes from the host
            on_each(lambda total, images: total + images.sum(), devices)(total, spread(IMAGE[:BATCH], devices))
    assert int(unreplicate(copies).step) == 4
    assert np.isfinite(unreplicate(logs)["train/loss"])


def test_a_set_that_does_not_fit_is_refused_with_both_sizes(monkeypatch: pytest.MonkeyPatch):
    devices = choose_devices(1, BATCH)
    check_room(IMAGES, STORED, devices)
    monkeypatch.setattr(resident, "free_bytes", lambda _: 10 * 10**9)
    check_room(200_000, 112, devices)
    with pytest.raises(UserError, match=r"300,000 images of 112×112.*11\.3 GB, but 10\.0 GB are free.*data\.side"):
        check_room(300_000, 112, devices)
    monkeypatch.setattr(resident, "free_bytes", lambda _: None)
    check_room(10**9, 112, devices)


def test_devices_of_a_cpu_share_what_the_host_has_free():
    one, four = (free_bytes(choose_devices(count, BATCH)) for count in (1, 4))
    if one is None or four is None:
        pytest.skip("this system does not say how much memory is free")
    assert 0.5 < 4 * four / one < 2
