"""Errors of a training step relative to its reference, with a verdict."""

import contextlib
import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks.gpu.recorded_gradients import Arrays, Recorded
from lfw_jax.errors import UserError

AGREES, TIES, DIFFERS, FAILED = "agrees", "agrees but for ties", "differs", "failed"

_SMALL = 1e-3  # of the whole gradient: a parameter with less is measured against this share of the whole
_TIES = (0.05, 0.3)  # errors of loss and gradient up to which a deviating batch can be a matter of ties


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """Errors up to which a step agrees with its reference.

    Attributes:
      loss: |found − reference| / |reference|.
      gradient: L2 norm of the difference of the whole gradients over that of the reference.
      parameter: the same of each parameter alone; one whose gradient is below a thousandth of the whole counts as that.
      kept: the same of statistics and the objective's state after the step.
      ties: whether one deviating batch of several can be a matter of ties (`compare_steps`).
    """

    loss: float
    gradient: float
    parameter: float
    kept: float
    ties: bool = False


def both_devices() -> tuple[list[Any], list[Any], str]:
    """Return the devices of the reference, those that are tested, and the comparison in words.

    With an accelerator: one CPU device, and the first accelerator. Without: one CPU device, and two that share the batch,
    whose sums are made in another order.

    Raises:
      UserError: JAX sees an accelerator but no CPU, or a single CPU device alone.
    """
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        with contextlib.suppress(RuntimeError):  # JAX has started: what it has now counts
            jax.config.update("jax_num_cpu_devices", 2)
    first = jax.devices()[0]
    try:
        cpus = jax.devices("cpu")
    except RuntimeError as error:
        raise UserError(
            f"found {first.device_kind} but no CPU among JAX's backends, and the CPU is the reference; set "
            "JAX_PLATFORMS=cuda,cpu, or leave it unset."
        ) from error
    if first.platform != "cpu":
        return cpus[:1], [first], f"{first.device_kind} against one CPU device"
    if len(cpus) < 2:
        raise UserError(
            "found one CPU device and no accelerator, so that there is nothing to compare; start Python with "
            "XLA_FLAGS=--xla_force_host_platform_device_count=2."
        )
    return cpus[:1], cpus[:2], "a batch over two CPU devices against one CPU device (no accelerator found)"


def errors(reference: Recorded, found: Recorded) -> dict[str, Any]:
    """Return the relative errors of one step, with the loss and gradient norm that they refer to.

    Raises:
      ValueError: If the steps have different parameters or states.
    """
    whole, parameters = _relative(reference.gradients, found.gradients)
    dot = sum(float(np.vdot(_wide(value), _wide(found.gradients[name]))) for name, value in reference.gradients.items())
    norm, other = _norm(reference.gradients.values()), _norm(found.gradients.values())
    worst = max(parameters, key=lambda name: _worse_if_nan(parameters[name]))
    return {
        "loss": reference.loss,
        "loss_error": abs(found.loss - reference.loss) / max(abs(reference.loss), 1e-30),
        "gradient_norm": norm,
        "gradient_ratio": other / max(norm, 1e-30),
        "gradient_error": whole,
        "gradient_cosine": dot / max(norm * other, 1e-30),
        "worst_parameter": worst,
        "worst_parameter_error": parameters[worst],
        "largest_element_error": max(
            _largest(value, found.gradients[name]) for name, value in reference.gradients.items()
        ),
        "kept_error": _relative(reference.kept, found.kept)[0] if reference.kept else 0.0,
        "counts": _counts(reference.logs),
        "counts_found": _counts(found.logs),
    }


def compare_steps(
    reference: Sequence[Recorded], found: Sequence[Recorded], tolerance: Tolerance
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Compare a step on several batches.

    Selections hang on comparisons: of a distance with a margin or the edge of a bin, of a draw with a running sum. Where two
    numbers are within a rounding of one another the answer may be another on other hardware, and one pair more or less
    counts. That is rare and its effect is limited, so that with `tolerance.ties` one deviating batch of three or more is a
    matter of ties; two are a fault.

    Args:
      reference: what the reference recorded for each batch.
      found: what is tested, likewise.
      tolerance: what still agrees.

    Returns:
      The verdict with the errors of the worst batch, and the errors of all of them.
    """
    steps = [errors(right, other) for right, other in zip(reference, found, strict=True)]
    verdicts = [_verdict(step, tolerance) for step in steps]
    agreeing = verdicts.count(AGREES)
    verdict = DIFFERS
    if agreeing == len(steps):
        verdict = AGREES
    elif len(steps) >= 3 and agreeing == len(steps) - 1 and TIES in verdicts:
        verdict = TIES
    worst = max(steps, key=lambda step: _worse_if_nan(step["gradient_error"]))
    return {"verdict": verdict, "batches": len(steps), "batches_that_agree": agreeing, **worst}, steps


def _verdict(step: Mapping[str, Any], tolerance: Tolerance) -> str:
    """Return the verdict on one batch; a batch without any gradient cannot agree."""
    if not step["gradient_norm"] > 0:
        return DIFFERS
    within = (
        step["loss_error"] <= tolerance.loss
        and step["gradient_error"] <= tolerance.gradient
        and step["worst_parameter_error"] <= tolerance.parameter
        and step["kept_error"] <= tolerance.kept
    )
    near = step["loss_error"] <= _TIES[0] and step["gradient_error"] <= _TIES[1]
    return AGREES if within else TIES if near and tolerance.ties else DIFFERS


def recording_failures(name: str, compare: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the result of a comparison, or the text of its error, so that other comparisons continue."""
    try:
        return {"name": name, **compare()}
    except Exception as error:  # whatever a compiler, a driver or a new table entry may raise
        text = str(error).strip().splitlines() or [""]
        return {"name": name, "verdict": FAILED, "error": f"{type(error).__name__}: {text[0]}"[:500]}


def summary(cases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many comparisons agree, and the names of those that do not."""
    bad = [case["name"] for case in cases if case["verdict"] not in (AGREES, TIES)]
    return {
        "verdict": DIFFERS if bad else AGREES,
        "comparisons": len(cases),
        "agree": sum(case["verdict"] == AGREES for case in cases),
        "agree_but_for_ties": [case["name"] for case in cases if case["verdict"] == TIES],
        "differ": bad,
    }


def line(case: Mapping[str, Any]) -> str:
    """Return a comparison as a line of a log."""
    if case["verdict"] == FAILED:
        return f"{case['name']:<48} {FAILED}: {case['error']}"
    return (
        f"{case['name']:<48} {case['verdict']:<19} loss {case['loss']:.4g} ± {case['loss_error']:.0e}, gradient "
        f"{case['gradient_norm']:.3g} ± {case['gradient_error']:.0e}, {case['worst_parameter']} "
        f"± {case['worst_parameter_error']:.0e}"
    )


def finite(value: Any) -> Any:
    """Return a JSON value with None in place of numbers that JSON does not have."""
    if isinstance(value, Mapping):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _relative(reference: Arrays, found: Arrays) -> tuple[float, dict[str, float]]:
    """Relative L2 errors: of all arrays as one, and of each."""
    if reference.keys() != found.keys():
        raise ValueError(f"other arrays: {sorted(reference.keys() ^ found.keys())}")
    apart = {name: float(np.linalg.norm(_wide(value) - _wide(found[name]))) for name, value in reference.items()}
    sizes = {name: float(np.linalg.norm(_wide(value))) for name, value in reference.items()}
    whole = math.hypot(*sizes.values())
    floor = max(_SMALL * whole, 1e-30)
    parts = {name: apart[name] / max(sizes[name], floor) for name in reference}
    return math.hypot(*apart.values()) / max(whole, 1e-30), parts


def _largest(reference: np.ndarray, found: np.ndarray) -> float:
    """The largest difference of an element, relative to the largest element."""
    return float(np.max(np.abs(_wide(reference) - _wide(found))) / max(float(np.max(np.abs(reference))), 1e-30))


def _wide(array: np.ndarray) -> np.ndarray:
    return np.asarray(array, np.float64).ravel()


def _norm(arrays: Any) -> float:
    return math.hypot(*(float(np.linalg.norm(_wide(array))) for array in arrays))


def _worse_if_nan(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _counts(logs: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers of selected pairs and triplets of an objective with a miner."""
    names = ("positive_pairs", "negative_pairs", "triplets")
    return {name: logs[f"pairs/{name}"] for name in names if f"pairs/{name}" in logs}
