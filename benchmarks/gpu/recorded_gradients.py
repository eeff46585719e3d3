"""Raw gradients of the project's own training step on chosen devices.

No optimiser is involved, because Adam would hide a wrong scale.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Int, PyTree, UInt8

from lfw_jax.augmentation import Augmentation
from lfw_jax.models import build
from lfw_jax.training.devices import AXIS, Devices, on_each, place, place_copies, spread
from lfw_jax.training.objectives.objective import Objective
from lfw_jax.training.state import State
from lfw_jax.training.step import make_step

Batch = tuple[UInt8[np.ndarray, "batch stored stored 3"], Int[np.ndarray, "batch"]]
Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Setting:
    """Devices and arithmetic of a step.

    Attributes:
      devices: Devices over which the batch is distributed.
      precision: Precision of matrix products and convolutions that do not set their own, as in
        `jax.default_matmul_precision`; "default" is that of JAX, TF32 on a recent GPU.
      dtype: Type of the network's activations.
      optimized: True if the compiler of CPU programs optimises machine code; without, it takes half the time.
    """

    devices: Devices
    precision: str = "highest"
    dtype: str = "float32"
    optimized: bool = True


class Recorded(NamedTuple):
    """Results of one training step, as arrays on the host.

    Attributes:
      loss: Loss of the global batch.
      gradients: Gradients by name of the parameter.
      kept: Running statistics and the state of the objective after the step, by name.
      logs: Values that training would log.
    """

    loss: float
    gradients: Arrays
    kept: Arrays
    logs: dict[str, float]


def record_gradients() -> optax.GradientTransformation:
    """Return an optimiser that updates nothing and whose state is the last gradient."""

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        del state, params
        return jax.tree.map(jnp.zeros_like, updates), updates

    return optax.GradientTransformation(lambda params: jax.tree.map(jnp.zeros_like, params), update)


def host_variables(model: Mapping[str, Any], side: int, seed: int = 0) -> dict[str, Any]:
    """Return random variables of a network near those at which training starts, as arrays of the host.

    Parameters that start at zero, such as the scales of residual branches, are sampled around zero; otherwise no
    gradient would reach the branches. The deviation from zero is small: with full branches, a rounding error in the
    first layer changes the gradient of ResNet-50 by several percent, and no tolerance could distinguish an error from
    that.
    """
    images = jnp.zeros((2, side, side, 3), jnp.float32)
    start = partial(build(model).init, train=False)
    shapes = jax.eval_shape(start, jax.random.key(seed), images)

    def constants(key: jax.Array) -> dict[str, jax.Array]:
        return {name: leaf for name, leaf in _leaves(start(key, images)["params"]).items() if not _is_kernel(name)}

    # Kernels come from NumPy, because XLA takes seconds to compile the sampling of fifty kernels.
    constant = jax.device_get(jax.jit(constants)(jax.random.key(seed)))
    rng = np.random.default_rng(seed)

    def sample(path: tuple[Any, ...], leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        name = _name(path)
        if _is_kernel(name):
            sampled = rng.normal(0, (2 / np.prod(leaf.shape[:-1])) ** 0.5, leaf.shape)
        else:
            sampled = constant[name] * rng.uniform(0.8, 1.2, leaf.shape) + rng.normal(0, 0.1, leaf.shape)
        return sampled.astype(leaf.dtype)

    params = jax.tree_util.tree_map_with_path(sample, shapes["params"])
    # Training does not read running statistics; it uses those of the batch.
    rest = {name: part for name, part in shapes.items() if name != "params"}
    return {"params": params, **jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), rest)}


@dataclasses.dataclass(frozen=True)
class Case:
    """A training step to be compared.

    Attributes:
      model: network by `lfw_jax.models.build`, without its `dtype`.
      variables: of the network, from `host_variables`.
      objective: what is minimised.
      side: pixels of the square that the network sees.
      augmentation: changes of the images.
    """

    model: Mapping[str, Any]
    variables: Mapping[str, Any]
    objective: Objective
    side: int
    augmentation: Augmentation = dataclasses.field(default_factory=Augmentation)


def compile_case(case: Case, setting: Setting, batch: Batch) -> Callable[[Sequence[Batch]], list[Recorded]]:
    """Compile the step of a case in a setting; any number of threads may do so at a time.

    Args:
      case: what is computed.
      setting: where and how.
      batch: one of the batches, for its shapes.

    Returns:
      Function that takes a step for each batch, of unchanged parameters and a state that goes on, and returns what was
      recorded. It may be called again; calls must not overlap.
    """
    devices = setting.devices
    network = build({**case.model, "dtype": setting.dtype}, axis_name=AXIS)
    step = make_step(network, case.objective, record_gradients(), case.augmentation, side=case.side, seed=0)
    first = _first_state(case)
    arguments = (place_copies(first, devices), *_placed(batch, devices))
    mapped: Any = on_each(step, devices)
    options = {} if setting.optimized else {"xla_backend_optimization_level": 0}
    with jax.default_matmul_precision(setting.precision):  # a thread's own setting
        compiled = mapped.lower(*arguments).compile(compiler_options=options)

    def run(batches: Sequence[Batch]) -> list[Recorded]:
        state, recorded = place_copies(first, devices), []
        for one in batches:
            state, logs = compiled(state, *_placed(one, devices))
            recorded.append(_recorded(state, logs))
        return recorded

    return run


def _first_state(case: Case) -> State:
    """The state before the first step, on the host, so that every device gets the same."""
    params = {"model": case.variables["params"], "objective": case.objective.init(jax.random.key(1))}
    state = State(
        step=jnp.zeros((), jnp.int32),
        params=params,
        batch_stats=case.variables.get("batch_stats", {}),
        objective_state=case.objective.state,
        opt_state=record_gradients().init(params),
    )
    return jax.device_get(state)


def _placed(batch: Batch, devices: Devices) -> tuple[Any, Any]:
    images, labels = batch
    return place(spread((images, labels.astype(np.int32)), devices), devices)


def _recorded(state: State, logs: Mapping[str, Any]) -> Recorded:
    numbers = {name: float(_first_copy(value)) for name, value in logs.items()}
    kept = {"batch_stats": state.batch_stats, "objective": state.objective_state}
    return Recorded(numbers["train/loss"], _by_name(state.opt_state), _by_name(kept), numbers)


def _by_name(tree: PyTree) -> Arrays:
    return {name: _first_copy(leaf) for name, leaf in _leaves(tree).items()}


def _leaves(tree: PyTree) -> dict[str, Any]:
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _name(path: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _is_kernel(name: str) -> bool:
    return name.rpartition("/")[2] == "kernel"


def _first_copy(leaf: jax.Array) -> np.ndarray:
    return np.asarray(leaf.addressable_data(0))[0]
