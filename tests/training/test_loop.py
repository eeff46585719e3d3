"""The loop over steps: when it logs, evaluates, saves and ends, and that a checkpoint anywhere resumes to the same end."""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.augmentation import Augmentation
from lfw_jax.errors import UserError
from lfw_jax.models import build
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.training.devices import AXIS, choose_devices
from lfw_jax.training.loop import DivergenceError, Intervals, train
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.optimizer import build_optimizer, build_schedule
from lfw_jax.training.state import State, init_state
from lfw_jax.training.step import Step, make_step

SIDE, BATCH, CLASSES, DIM = 12, 16, 4, 8
MODEL = dict(name="patch_resnet", embedding_dim=DIM, features=(4,), dropout=0.1, winograd=False)
OPTIMIZER = dict(
    name="adamw", learning_rate=3e-3, weight_decay=0.01, clip_norm=1.0, warmup_epochs=0.0, constant_epochs=0.0,
    decay="none", final_fraction=0.0,
)  # fmt: skip


def make() -> tuple[State, Step]:
    """A state with everything that a checkpoint has to carry: batch statistics, moments, a loss with a running state."""
    objective = build_objective(
        dict(name="adacos"), dict(name="none"), classes=CLASSES, embedding_dim=DIM, paired=False, batch_size=BATCH
    )
    optimizer = build_optimizer(OPTIMIZER, build_schedule(OPTIMIZER, total_epochs=1, steps_per_epoch=100))
    state = init_state(jax.random.key(0), build(MODEL), objective, optimizer, side=SIDE)
    mapped = build(MODEL, axis_name=AXIS)
    return state, make_step(mapped, objective, optimizer, Augmentation(flip=0.5), side=SIDE, seed=0)


def batch(number: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (BATCH, SIDE, SIDE, 3), np.uint8), (np.arange(BATCH) % CLASSES).astype(np.int32)


def endless():
    number = 0
    while True:
        yield batch(number)
        number += 1


@pytest.mark.parametrize(("checkpoint_every", "saves"), [(0, [3, 6, 7]), (2, [2, 4, 6, 7]), (5, [5, 7])])
def test_the_loop_logs_evaluates_saves_and_ends_when_it_should(checkpoint_every: int, saves: list[int]):
    state, step = make()
    logged, evaluated, saved, order = [], [], [], []
    last = train(
        state, step, endless(), devices=choose_devices(2, BATCH),
        intervals=Intervals(total=7, log_every=2, evaluate_every=3, checkpoint_every=checkpoint_every),
        log=lambda done, values: logged.append((done, values["train/loss"])),
        evaluate=lambda state: (evaluated.append(int(state.step)), order.append("evaluate")),
        checkpoint=lambda state: (saved.append(int(state.step)), order.append("save")),
    )  # fmt: skip
    assert [done for done, _ in logged] == [2, 4, 6, 7]
    assert evaluated == [3, 6, 7]
    assert saved == saves
    assert order[-2:] == ["evaluate", "save"]
    assert int(last.step) == 7


def test_the_loop_ends_in_an_evaluated_and_saved_state_where_batches_end_early():
    state, step = make()
    evaluated, saved = [], []
    train(
        state, step, itertools.islice(endless(), 2), devices=choose_devices(1, BATCH),
        intervals=Intervals(total=7, log_every=9, evaluate_every=2, checkpoint_every=9), log=lambda *_: None,
        evaluate=lambda state: evaluated.append(int(state.step)), checkpoint=lambda state: saved.append(int(state.step)),
    )  # fmt: skip
    assert (evaluated[-1], saved) == (2, [2])


def test_a_checkpoint_between_evaluations_resumes_bit_for_bit(tmp_path: Path):
    state, step = make()
    devices, intervals = choose_devices(2, BATCH), Intervals(total=6, log_every=1, evaluate_every=6, checkpoint_every=2)

    def take(state, batches, checkpoint) -> tuple[State, list[float]]:
        losses = []
        last = train(
            state, step, batches, devices=devices, intervals=intervals, evaluate=lambda _: None, checkpoint=checkpoint,
            log=lambda _, values: losses.append(values["train/loss"]),
        )  # fmt: skip
        return last, losses

    def broken():
        yield from itertools.islice(endless(), 5)
        raise KeyboardInterrupt

    whole, losses = take(state, endless(), lambda _: None)
    with Checkpoints(tmp_path) as checkpoints, pytest.raises(KeyboardInterrupt):
        take(state, broken(), lambda state: checkpoints.save("last", state))
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.step("last") == 4
        resumed = checkpoints.restore("last", state)
    last, rest = take(resumed, itertools.islice(endless(), 4, None), lambda _: None)
    assert rest == losses[4:]
    jax.tree.map(np.testing.assert_array_equal, last, whole)


def test_an_interrupted_loop_finishes_its_step_and_saves_without_evaluation():
    state, step = make()
    logged, evaluated, saved, requests = [], [], [], iter([False, False, False, True])
    last = train(
        state, step, endless(), devices=choose_devices(1, BATCH),
        intervals=Intervals(total=9, log_every=3, evaluate_every=3, interrupted=lambda: next(requests)),
        log=lambda done, _: logged.append(done),
        evaluate=lambda state: evaluated.append(int(state.step)),
        checkpoint=lambda state: saved.append(int(state.step)),
    )  # fmt: skip
    assert (logged, evaluated, saved, int(last.step)) == ([3], [3], [3, 4], 4)


def test_a_state_whose_loss_is_no_number_is_not_saved_at_a_step_that_is_not_logged():
    state, step = make()
    params = {**state.params, "objective": {"prototypes": jnp.full((CLASSES, DIM), jnp.nan)}}
    saved = []
    with pytest.raises(DivergenceError, match="step 1"):
        train(
            state.replace(params=params), step, endless(), devices=choose_devices(1, BATCH),
            intervals=Intervals(total=9, log_every=9, evaluate_every=9, checkpoint_every=1),
            log=lambda *_: None, evaluate=saved.append, checkpoint=saved.append,
        )  # fmt: skip
    assert saved == []


def test_a_state_with_a_parameter_that_is_no_number_is_not_saved_after_a_finite_loss():
    state, step = make()

    def diverging(state: State, *batch):
        state, logs = step(state, *batch)
        prototypes = state.params["objective"]["prototypes"].at[0].set(jnp.inf)
        return state.replace(params={**state.params, "objective": {"prototypes": prototypes}}), logs

    saved = []
    with pytest.raises(DivergenceError, match=r"objective\.prototypes became NaN or infinite at step 1"):
        train(
            state, diverging, endless(), devices=choose_devices(1, BATCH), log=lambda *_: None,
            intervals=Intervals(total=1, log_every=9, evaluate_every=9), evaluate=saved.append, checkpoint=saved.append,
        )  # fmt: skip
    assert saved == []


def test_a_loss_that_is_no_number_stops_with_advice():
    state, step = make()
    params = {**state.params, "objective": {"prototypes": jnp.full((CLASSES, DIM), jnp.nan)}}
    with pytest.raises(UserError, match=r"step 1.*learning_rate"):
        train(
            state.replace(params=params), step, endless(), intervals=Intervals(total=2, log_every=1, evaluate_every=9),
            devices=choose_devices(1, BATCH), log=lambda *_: None, evaluate=lambda _: None, checkpoint=lambda _: None,
        )  # fmt: skip
