"""The training step: one device or four, the same loss and the same state; every objective learns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.augmentation import Augmentation
from lfw_jax.errors import UserError
from lfw_jax.models import build
from lfw_jax.training.devices import AXIS, choose_devices, on_each, replicate, spread, unreplicate
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.optimizer import build_optimizer, build_schedule
from lfw_jax.training.state import State, init_state
from lfw_jax.training.step import Step, make_step

SIDE, BATCH, CLASSES, DIM = 12, 16, 4, 8
MODEL = dict(name="patch_resnet", embedding_dim=DIM, features=(4,), dropout=0.0, winograd=False)
# Without normalisation and shortcuts: compiled in a second.
PLAIN = dict(name="siamese", embedding_dim=DIM, features=(8,), hidden=16)
OPTIMIZER = dict(
    name="adamw", learning_rate=3e-3, weight_decay=0.01, clip_norm=1.0, warmup_epochs=0.0, constant_epochs=0.0,
    decay="none", final_fraction=0.0,
)  # fmt: skip
OBJECTIVES = {
    "contrastive of given pairs": (dict(name="contrastive", form="squared"), dict(name="none"), True),
    "contrastive of all pairs": (dict(name="contrastive"), dict(name="none"), False),
    "contrastive of mined pairs": (
        dict(name="contrastive"), dict(name="triplet_margin", kind="all", margin=0.2), False,
    ),
    "margin of histogram pairs": (
        dict(name="margin", beta=1.0), dict(name="uniform_histogram", num_bins=5, joined=True), False,
    ),
    "margin of hard pairs, a beta each": (dict(name="margin", beta_per_class=True), dict(name="batch_hard"), False),
    "arcface": (dict(name="arcface", margin=0.3, scale="adacos"), dict(name="none"), False),
    "cosface": (dict(name="cosface", margin=0.1, scale="1.5*adacos"), dict(name="none"), False),
    "triplets of drawn negatives": (
        dict(name="triplet", margin=0.2), dict(name="distance_weighted"), False,
    ),
    "multi-similarity": (dict(name="multi_similarity"), dict(name="multi_similarity"), False),
    "plain softmax": (dict(name="softmax"), dict(name="none"), False),
    "sub-centers": (dict(name="subcenter_arcface", centers=2, margin=0.1, scale=8.0), dict(name="none"), False),
    "adaface": (dict(name="adaface", margin=0.1, scale=8.0), dict(name="none"), False),
    "curricularface": (dict(name="curricularface", margin=0.1, scale=8.0), dict(name="none"), False),
    "softmax": (dict(name="normalized_softmax", scale=8.0), dict(name="none"), False),
}  # fmt: skip


def batch(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two images each of eight places in a row: pairs for the paired objective, four people in all."""
    rng = np.random.default_rng(seed)
    people = np.random.default_rng(9).integers(0, 256, (CLASSES, SIDE, SIDE, 3))
    labels = rng.permuted(np.tile(np.arange(CLASSES), (BATCH // CLASSES, 1)), axis=1).ravel().astype(np.int32)
    labels[:4] = [0, 0, 1, 1]
    noisy = people[labels] + rng.normal(0, 30, (BATCH, SIDE, SIDE, 3))
    return noisy.clip(0, 255).astype(np.uint8), labels


def make(
    name: str, network: dict = PLAIN, augmentation: Augmentation | None = None, memory: int = 0
) -> tuple[State, Step]:
    loss, miner, paired = OBJECTIVES[name]
    objective = build_objective(
        loss, miner, classes=CLASSES, embedding_dim=DIM, paired=paired, batch_size=BATCH, memory=memory
    )
    schedule = build_schedule(OPTIMIZER, total_epochs=1, steps_per_epoch=100)
    optimizer = build_optimizer(OPTIMIZER, schedule)
    state = init_state(jax.random.key(0), build(network), objective, optimizer, side=SIDE)
    augmentation = augmentation or Augmentation()
    step = make_step(build(network, axis_name=AXIS), objective, optimizer, augmentation, side=SIDE, seed=0)
    return state, step


def take(state: State, step: Step, devices: int, steps: int) -> tuple[State, list[float]]:
    chosen = choose_devices(devices, BATCH)
    mapped, copies, losses = on_each(step, chosen), replicate(state, chosen), []
    for number in range(steps):
        images, labels = batch(number)
        copies, logs = mapped(copies, spread(images, chosen), spread(labels, chosen))
        losses.append(float(unreplicate(logs)["train/loss"]))
    for leaf in jax.tree.leaves(copies):
        np.testing.assert_array_equal(np.asarray(leaf), np.broadcast_to(np.asarray(leaf)[:1], leaf.shape))
    return unreplicate(copies), losses


@pytest.mark.parametrize("name", [pytest.param("margin of histogram pairs", marks=pytest.mark.slow), "arcface"])
def test_the_number_of_devices_changes_nothing(name: str):
    # Augmentation and batch statistics belong to the comparison.
    state, step = make(name, MODEL, Augmentation(flip=0.5, rotation=5.0, brightness=0.05, erasing=0.2))
    (one, losses_one), (four, losses_four) = (take(state, step, devices, 2) for devices in (1, 4))
    np.testing.assert_allclose(losses_four, losses_one, rtol=2e-4)
    before, single, spread_out = (jax.tree.leaves(s.params) for s in (state, one, four))
    # Adam's first steps have the size of the learning rate whatever the gradient: compare where it is not near zero.
    moved = np.concatenate([np.ravel(a - b) for a, b in zip(single, before, strict=True)])
    apart = np.concatenate([np.ravel(a - b) for a, b in zip(single, spread_out, strict=True)])
    assert np.abs(moved).max() > 1e-3
    assert np.linalg.norm(apart) < 0.03 * np.linalg.norm(moved)
    for a, b in zip(jax.tree.leaves(one.batch_stats), jax.tree.leaves(four.batch_stats), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_learns_and_logs_finite_numbers(name: str):
    state, step = make(name)
    after, losses = take(state, step, 1, 40)
    assert np.isfinite(losses).all()
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])
    for leaf in jax.tree.leaves(after):
        assert np.isfinite(np.asarray(leaf, np.float32)).all()
    if name.startswith("margin"):
        assert not np.allclose(after.params["objective"]["beta"], state.params["objective"]["beta"])


def test_a_running_state_moves_with_the_batches_and_is_the_same_on_all_devices():
    state, step = make("curricularface")
    one, _ = take(state, step, 1, 3)
    four, _ = take(state, step, 4, 3)
    assert 0 < abs(float(one.objective_state["t"])) < 0.1
    np.testing.assert_allclose(one.objective_state["t"], four.objective_state["t"], rtol=1e-3)


def test_a_memory_holds_the_latest_embeddings_of_the_global_batch():
    OBJECTIVES["memory"] = (dict(name="contrastive"), dict(name="pair_margin"), False)
    try:
        state, step = make("memory", memory=BATCH + 4)
        after, losses = take(state, step, 4, 3)
    finally:
        del OBJECTIVES["memory"]
    memory = after.objective_state
    assert int(memory.count) == BATCH + 4
    assert int(memory.place) == 3 * BATCH % (BATCH + 4)
    latest = (int(memory.place) - BATCH + np.arange(BATCH)) % (BATCH + 4)
    np.testing.assert_array_equal(memory.labels[latest], batch(2)[1])
    assert np.isfinite(losses).all()


def test_a_beta_that_is_not_learned_stays():
    OBJECTIVES["fixed"] = (dict(name="margin", beta=1.1, learn_beta=False), dict(name="none"), False)
    try:
        state, step = make("fixed")
        after, _ = take(state, step, 1, 3)
    finally:
        del OBJECTIVES["fixed"]
    assert after.params["objective"]["beta"] == pytest.approx(1.1)


def test_dropout_draws_anew_each_step_and_on_each_device():
    state, step = make("softmax", MODEL | dict(dropout=0.5))
    _, losses = take(state, step, 2, 3)
    assert len(set(losses)) == 3


def test_weight_decay_acts_on_kernels_alone():
    decaying = OPTIMIZER | dict(learning_rate=0.1, weight_decay=0.5, clip_norm=0.0)
    optimizer = build_optimizer(decaying, build_schedule(decaying, total_epochs=1, steps_per_epoch=1))
    params = {
        "dense": {"kernel": jnp.ones(3), "bias": jnp.ones(3)},
        "norm": {"scale": jnp.ones(3)},
        "beta": jnp.ones(1),
    }
    zero = jax.tree.map(jnp.zeros_like, params)
    updates, _ = optimizer.update(zero, optimizer.init(params), params)
    np.testing.assert_allclose(updates["dense"]["kernel"], -0.05)
    for kept in (updates["dense"]["bias"], updates["norm"]["scale"], updates["beta"]):
        np.testing.assert_array_equal(kept, 0)


def test_the_schedule_of_the_report_is_flat_then_falls():
    config = OPTIMIZER | dict(constant_epochs=100.0, decay="cosine", learning_rate=1e-3)
    rate = build_schedule(config, total_epochs=120, steps_per_epoch=10)
    assert all(float(rate(step)) == pytest.approx(1e-3) for step in (0, 500, 999))
    falling = [float(rate(step)) for step in range(1000, 1201, 20)]
    assert falling == sorted(falling, reverse=True)
    assert falling[0] == pytest.approx(1e-3)
    assert falling[-1] == pytest.approx(0, abs=1e-9)
    cycle = build_schedule(OPTIMIZER | dict(warmup_epochs=3.0, decay="linear"), total_epochs=10, steps_per_epoch=10)
    assert float(cycle(0)) == pytest.approx(3e-3 / 25)
    assert float(cycle(30)) == pytest.approx(3e-3)
    assert float(cycle(65)) == pytest.approx(1.5e-3)


@pytest.mark.parametrize(
    ("loss", "miner", "paired", "words"),
    [
        (dict(name="tripled"), dict(name="none"), False, ["tripled", "arcface"]),
        (dict(name="arcface", radius=1), dict(name="none"), False, ["radius", "margin"]),
        (dict(name="arcface"), dict(name="batch_hard"), False, ["arcface", "miner"]),
        (dict(name="contrastive"), dict(name="batch_hard", kind="all"), False, ["kind"]),
        (dict(name="contrastive"), dict(name="batch_hard"), True, ["pairs"]),
        (dict(name="arcface", scale="huge"), dict(name="none"), False, ["huge", "adacos"]),
        (dict(name="ntxent", temperature=-1.0), dict(name="none"), False, ["temperature", "-1"]),
        (dict(name="contrastive"), dict(name="batch_easy_hard", pos_strategy="soft"), False, ["pos_strategy", "soft"]),
        (dict(name="adaface", norm_mean=3.0), dict(name="none"), False, ["norm_mean", "margin"]),
        (dict(name="soft_triple", centers=0), dict(name="none"), False, ["centers", "at least 1"]),
    ],
)
def test_an_objective_without_meaning_is_told(loss: dict, miner: dict, paired: bool, words: list[str]):
    with pytest.raises(UserError) as caught:
        build_objective(loss, miner, classes=CLASSES, embedding_dim=DIM, paired=paired)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("loss", "memory", "words"),
    [
        (dict(name="arcface"), 64, ["--config.memory.size", "uses no pairs"]),
        (dict(name="contrastive"), 4, ["memory", "8"]),
        (dict(name="triplet", swap=True), 64, ["swap"]),
    ],
)
def test_a_memory_without_meaning_is_told(loss: dict, memory: int, words: list[str]):
    with pytest.raises(UserError) as caught:
        build_objective(
            loss, dict(name="none"), classes=CLASSES, embedding_dim=DIM, paired=False, batch_size=8, memory=memory
        )
    assert all(word in str(caught.value) for word in words), caught.value
