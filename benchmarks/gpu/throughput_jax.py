"""Worker of this project in the throughput item (`throughput_workers`)."""

import io
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from benchmarks.gpu.throughput_plan import LOG_EVERY, Plan, peak_teraflops, plan, timed_steps
from benchmarks.gpu.throughput_step import build_step
from benchmarks.gpu.trace import measure_trace
from lfw_jax.data.batches.loading import decode_all, stream
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.formats.array import read_array
from lfw_jax.data.images import ImageSet
from lfw_jax.training.devices import choose_devices, on_each, place_copies, spread, unreplicate
from lfw_jax.training.resident import resident_batches, resident_step

RESIDENT, PIXELS, JPEG = "lfw_jax_resident", "lfw_jax_host_pixels", "lfw_jax_host_jpeg"
_ENDLESS = 2**30  # steps: more than any run takes


class Commands:
    """Commands for the parent process."""

    def start(self, data: str, dtype: str, *, toy: bool) -> dict[str, Any]:
        """Read the images, build the step and describe its device."""
        self._plan: Plan = plan(toy=toy)
        self._dtype = dtype
        self._devices = choose_devices(1, 1)
        self._images, self._geometry = _first_images(Path(data), self._plan)
        self._pixels = decode_all(self._images, self._geometry)
        self._labels = self._images.labels % self._plan.classes
        model = dict(
            name="resnet", stages=self._plan.stages, width=self._plan.width, embedding_dim=self._plan.embedding_dim,
            dtype=dtype,
        )  # fmt: skip
        self._state, self._step = build_step(model, side=self._plan.side, classes=self._plan.classes)
        self._mapped = {
            RESIDENT: on_each(resident_step(self._step), self._devices),
            PIXELS: on_each(self._step, self._devices),
        }
        self._mapped[JPEG] = self._mapped[PIXELS]
        self._running: dict[str, _Running] = {}
        device = self._devices[0]
        return {"device": device.device_kind, "platform": device.platform, "version": jax.__version__}

    def peak(self, seconds: float) -> dict[str, Any]:
        """Measure the rate of a large matrix product."""
        size, dtype = self._plan.peak_size, jnp.dtype(self._dtype)
        product = jax.jit(jnp.matmul)
        left, right = (jax.random.normal(jax.random.key(seed), (size, size), dtype) for seed in (0, 1))

        def run(products: int) -> float:
            began = time.perf_counter()
            for _ in range(products):
                out = product(left, right)
            jax.block_until_ready(out)
            return time.perf_counter() - began

        return {"teraflops_per_second": peak_teraflops(run, size, seconds)}

    def prepare(self, candidate: str, batch: int) -> dict[str, Any]:
        """Compile a candidate's step for a batch size and take its first steps."""
        # Placed as the step returns it, so that one compilation serves every step.
        mapped, state = self._mapped[candidate], place_copies(self._state, self._devices)
        batches = self._batches(candidate, batch)
        if candidate == JPEG and PIXELS in self._running:  # the same program
            before = self._running[PIXELS]
            running = _Running(mapped, before.lowered, before.compiled, state, batches, self._devices)
            figures: dict[str, Any] = {"compiled_as": PIXELS}
        else:
            first = next(batches)
            began = time.perf_counter()
            lowered = mapped.lower(state, *spread(first, self._devices))
            traced = time.perf_counter()
            compiled = lowered.compile()
            figures = {
                "trace_and_lower_seconds": traced - began,
                "compile_seconds": time.perf_counter() - traced,
                "xla_flops_per_image": _flops(compiled, batch),
            }
            rest = itertools.chain([first], batches)
            running = _Running(mapped, lowered, compiled, state, rest, self._devices)
        running.take(3)
        self._running[candidate] = running
        return figures

    def round(self, candidate: str, seconds: float) -> dict[str, Any]:
        """Measure one turn of a candidate."""
        steps, took = timed_steps(self._running[candidate].take, seconds)
        return {"steps": steps, "seconds": took}

    def trace(self, candidate: str, folder: str) -> dict[str, Any]:
        """Trace a few steps of a candidate and summarise their time by operation."""
        running, steps = self._running[candidate], self._plan.traced_steps
        return measure_trace(running.compiled, running.lowered, running.take_with, Path(folder), steps=steps)

    def release(self) -> dict[str, Any]:
        """Release the device memory of the candidates."""
        self._running.clear()
        return {}

    def _batches(self, candidate: str, size: int) -> Iterator[tuple[Any, ...]]:
        """Yield the inputs of a step besides the state, as `lfw_jax.training.feed.Feed.batches` does."""
        images, geometry, labels = self._images, self._geometry, self._labels

        def indices(step: int) -> np.ndarray:
            return np.random.default_rng((0, step)).integers(0, len(images), size)

        if candidate == RESIDENT:
            kept = place_copies((self._pixels, labels), self._devices)
            yield from resident_batches(kept, indices, start=0, stop=_ENDLESS, devices=self._devices)
            return
        if candidate == PIXELS:
            images = ImageSet(images.names, images.labels, images.numbers, self._pixels, "pixels")
            geometry = CropGeometry(geometry.stored_side)
        squares = stream(images, indices, start=0, stop=_ENDLESS, geometry=geometry)
        for step, pixels in enumerate(squares):
            yield pixels, labels[indices(step)]


class _Running:
    """A candidate that is compiled and goes on from step to step as `lfw_jax.training.loop.train` does."""

    def __init__(
        self, mapped: Callable[..., Any], lowered: Any, compiled: Any, state: Any, batches: Iterator[Any], devices: Any
    ):
        self._mapped, self.lowered, self.compiled = mapped, lowered, compiled
        self._state, self._batches, self._devices = state, batches, devices

    def take(self, steps: int) -> float:
        """Take so many steps; return the seconds until the last one's result is there."""
        return self.take_with(None, steps)

    def take_with(self, mapped: Callable[..., Any] | None, steps: int) -> float:
        """Take steps with another compilation of the same step."""
        logs: Any = None
        began = time.perf_counter()
        for step in range(1, steps + 1):
            batch = spread(next(self._batches), self._devices)
            self._state, logs = (mapped or self._mapped)(self._state, *batch)
            if step % LOG_EVERY == 0 or step == steps:
                {name: float(value) for name, value in unreplicate(logs).items()}
        jax.block_until_ready(self._state)
        return time.perf_counter() - began


def _first_images(data: Path, sizes: Plan) -> tuple[ImageSet, CropGeometry]:
    """The first images of the data, and the square of them that is cut out without resizing, where they are that large."""
    images = read_array(data)
    images = images.where(np.arange(min(len(images), sizes.images)))
    first = images.images[0]
    shorter = min(first.shape[:2] if isinstance(first, np.ndarray) else Image.open(io.BytesIO(first)).size)
    return images, CropGeometry(sizes.side, crop=min(1.0, sizes.side / shorter))


def _flops(compiled: Any, batch: int) -> float | None:
    try:
        costs = compiled.cost_analysis() or {}
    except jax.errors.JaxRuntimeError:  # a backend that does not count
        return None
    return costs["flops"] / batch if "flops" in costs else None
