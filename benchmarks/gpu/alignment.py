"""Throughput of the JAX alignment cascade on the originals of the bundle, from pixels and files."""

import dataclasses
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.gpu.cascade_reference import write_cascade_reference
from lfw_jax.data.batches.feeder import cores
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.formats.array import read_array
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.faces.aligner import Aligner, Task, in_batches, on_threads
from lfw_jax.faces.cascade.detector import CascadeDetector
from lfw_jax.faces.cascade.networks import load_weights
from lfw_jax.faces.cascade.stages import find_faces
from lfw_jax.faces.crops import CropSettings, crop_faces
from lfw_jax.faces.detection import Detect
from lfw_jax.faces.engines import make_detector
from lfw_jax.faces.manifest import Row
from lfw_jax.faces.tasks import tasks

__all__ = ["measure", "write_cascade_reference"]

Pixels = Sequence[np.ndarray]
_CAPACITY = 256  # of `CascadeDetector`


@dataclasses.dataclass(frozen=True)
class _Plan:
    """Extent of the measurement: images in all, images per batch, passes of one round from files, rounds."""

    images: int
    batch: int
    passes: int
    rounds: int


_FULL, _TOY = _Plan(2000, 256, 4, 3), _Plan(16, 8, 1, 2)


def measure(data: Path, folder: Path, *, toy: bool) -> dict[str, Any]:
    """Measure detection alone, and the whole way from encoded files to crops.

    Args:
      data: the data file; `originals.npz` lies beside it.
      folder: takes the crops while they are made.
      toy: 16 images in batches of 8.

    Returns:
      Images per second of each stage (median, lowest and highest round), seconds of compilation, faces and fallbacks.

    Raises:
      UserError: originals that are missing or damaged, fewer than a batch, or no weights of the cascade.
    """
    plan = _TOY if toy else _FULL
    everything = read_array(data.parent / "originals.npz")
    originals = everything.where(np.arange(min(plan.images, len(everything))))
    if len(originals) < plan.batch:
        raise UserError(
            f"{data.parent / 'originals.npz'}: found {len(originals)} images, expected at least a batch of {plan.batch}."
        )
    device = jax.devices()[0]
    print(f"{len(originals)} originals, {device.device_kind}, batches of {plan.batch}, {cores()} cores", flush=True)
    rates: dict[str, dict[str, float]] = {}

    def rate(name: str, images: int, call: Callable[[], object], after: Callable[[], object] = lambda: None) -> None:
        rates[name] = _images_per_second(images, plan.rounds, call, after)
        print(f"{name:<44} {rates[name]['median']:>9.1f} images/s", flush=True)

    with ThreadPoolExecutor(cores()) as pool:
        rate("decoding", len(originals), lambda: list(pool.map(decode_whole, originals.images)))
        pixels = list(pool.map(decode_whole, originals.images))
    detect, compilation = CascadeDetector(plan.batch), []
    compilation.append(_seconds(lambda: detect(pixels[: plan.batch])) - _seconds(lambda: detect(pixels[: plan.batch])))
    # Images with more candidates than usual are processed again by a program that is compiled when needed.
    first = _seconds(lambda: detect(pixels))
    rate("detection, pixels in memory", len(pixels), lambda: detect(pixels))
    compilation.append(first - len(pixels) / rates["detection, pixels in memory"]["median"])
    rate("detection, pixels on the device", plan.batch * plan.passes, _on_device(pixels, plan))
    whole = len(originals) * plan.passes
    rate("files to crops in memory", whole, lambda: _crops(originals, detect, plan))
    written = _Written(folder / "crops", originals, plan)
    rate("files to crops on disk", whole, written, written.remove)
    figures = {
        "images": len(originals),
        "batch": plan.batch,
        "threads": cores(),
        "compilation_seconds": [round(max(0.0, seconds), 2) for seconds in compilation],
        "images_per_second": rates,
        "faces": written.faces,
        "images_without_face": written.fallbacks,
        "unreadable_images": written.faults,
        "peak_device_bytes": (device.memory_stats() or {}).get("peak_bytes_in_use"),
    }
    print(
        f"compilation {figures['compilation_seconds']} s; {written.faces} faces, {written.fallbacks} images without a face, "
        f"{written.faults} unreadable"
    )
    return figures


def _images_per_second(
    images: int, rounds: int, call: Callable[[], object], after: Callable[[], object]
) -> dict[str, float]:
    """Median, lowest and highest rate of some calls; what comes after each is not timed."""
    rates = []
    for _ in range(rounds):
        rates.append(images / _seconds(call))
        after()
    return {"median": statistics.median(rates), "lowest": min(rates), "highest": max(rates)}


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _on_device(pixels: Pixels, plan: _Plan) -> Callable[[], object]:
    """The cascade's function alone, over one batch again and again: what a faster host could bring at most."""
    shape = pixels[0].shape
    same = [image for image in pixels if image.shape == shape][: plan.batch]
    if len(same) < plan.batch:
        raise UserError(
            f"originals.npz: found {len(same)} images of {shape[1]}×{shape[0]} pixels, expected a batch of {plan.batch}."
        )
    networks, batch = jax.device_put((load_weights(), np.stack(same)))
    jax.block_until_ready(find_faces(networks, batch, capacity=_CAPACITY))

    def call() -> None:
        jax.block_until_ready([find_faces(networks, batch, capacity=_CAPACITY) for _ in range(plan.passes)])

    return call


def _crops(originals: ImageSet, detect: Detect, plan: _Plan) -> int:
    """Decode, detect and crop on all cores; the crops are dropped."""

    def crop(batch: list[Task]) -> int:
        return len(crop_faces([decode_whole(task.image) for task in batch], detect, CropSettings()))

    with ThreadPoolExecutor(cores()) as pool:
        return sum(pool.map(crop, in_batches(_repeated(originals, plan.passes), plan.batch)))


class _Written:
    """The whole of `--mode=align` but for its manifest.

    Attributes:
      faces: found in the originals.
      fallbacks: originals without a face.
      faults: originals that cannot be read.
    """

    def __init__(self, folder: Path, originals: ImageSet, plan: _Plan):
        self._folder, self._originals, self._plan = folder, originals, plan
        self._aligner = Aligner(folder, decode_whole, make_detector("jax", plan.batch), CropSettings(), "jpg")
        self.faces = self.fallbacks = self.faults = 0

    def __call__(self) -> None:
        """Write the crops."""
        repeated = _repeated(self._originals, self._plan.passes)
        batches = on_threads(self._aligner, repeated, batch_size=self._plan.batch, threads=cores())
        rows: list[Row] = [row for some in batches for row in some][: len(self._originals)]
        self.faces = sum(row.faces for row in rows)
        self.fallbacks = sum(row.fallback for row in rows)
        self.faults = sum(bool(row.fault) for row in rows)

    def remove(self) -> None:
        """Remove the crops."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _repeated(originals: ImageSet, passes: int) -> Iterator[Task]:
    """Every original so many times, each time into a folder of its own: the few of the bundle do not fill all cores."""
    for number in range(passes):
        for task in tasks(originals, "jpg"):
            yield dataclasses.replace(task, file=f"{number}/{task.file}")
