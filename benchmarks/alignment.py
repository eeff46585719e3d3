"""Throughput of alignment from files to crops on disk, compared with the mtcnn package.

    python -m benchmarks.alignment --dir=LFW

The package decodes and detects, with 1 and with 32 images per call; it neither warps nor saves. `lfw_jax` does all
four. All rows process the same images, in turn, in one process.
"""

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import app, flags

from benchmarks.measure import images_per_second, print_rates
from lfw_jax.data.images import ImageSet

_DIR = flags.DEFINE_string("dir", "", "Folder with one folder per identity; empty for synthetic faces.")
_IMAGES = flags.DEFINE_integer("images", 256, "Number of images per measurement.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Number of rounds, each with one measurement per row.")
_ENGINES = flags.DEFINE_list("engines", ["mtcnn"], "Engines of lfw_jax: mtcnn, jax.")


def main(_: list[str]) -> None:
    from lfw_jax.data.decoding.whole import decode_whole
    from lfw_jax.data.sources import read_path
    from lfw_jax.data.synthetic import write_folder
    from lfw_jax.faces.aligner import Aligner, on_threads
    from lfw_jax.faces.crops import CropSettings
    from lfw_jax.faces.engines import make_detector
    from lfw_jax.faces.tasks import tasks

    with tempfile.TemporaryDirectory() as scratch:
        synthetic = Path(scratch) / "faces"
        folder = _DIR.value or write_folder(synthetic, people=64, images_per_person=8, side=250, seed=0)
        everything = read_path(folder)[0]
        # Evenly spaced over the set, so that it contains many identities.
        step = max(1, len(everything) // _IMAGES.value)
        images = everything.where(np.arange(0, len(everything), step)[: _IMAGES.value])

        def ours(engine: str) -> Callable[[], object]:
            aligner = Aligner(Path(scratch) / engine, decode_whole, make_detector(engine), CropSettings(), "jpg")
            return lambda: sum(len(rows) for rows in on_threads(aligner, tasks(images, "jpg")))

        candidates = {
            "mtcnn, one image a call": _package(images, 1),
            "mtcnn, 32 images per call": _package(images, 32),
            **{f"lfw_jax, {engine}: files to crops on disk": ours(engine) for engine in _ENGINES.value},
        }
        rates = images_per_second(candidates, len(images), rounds=_ROUNDS.value)
        names = list(rates)
        notes = {
            name: f"{rates[name][0] / rates[names[0]][0]:.1f} × one per call, {rates[name][0] / rates[names[1]][0]:.1f} × 32"
            for name in names[2:]
        }
        print_rates(f"Alignment of {len(images)} images", rates, notes)


def _package(images: ImageSet, size: int) -> Callable[[], object]:
    from mtcnn import MTCNN

    from lfw_jax.data.decoding.whole import decode_whole

    detector = MTCNN(device="CPU:0")

    def call() -> object:
        places = iter(range(len(images)))
        found = 0
        while batch := [decode_whole(images.images[place]) for place in itertools.islice(places, size)]:
            found += len(detector.detect_faces(batch if size > 1 else batch[0]))
        return found

    return call


if __name__ == "__main__":
    app.run(main)
