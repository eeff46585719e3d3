"""Throughput of the input pipeline in images per second, compared with raw JPEG decoding.

    python -m benchmarks.input [--dir=FOLDER] [--images=12800] [--rounds=7] [--side=112] [--crop=0.544]

FOLDER has one folder per identity, as LFW does; without it synthetic faces are generated. Its images are read as
files, from a .rec and from a TFRecord data set of tensorflow-datasets, both written here, with both loaders. Raw
decoding by libjpeg-turbo, on the same cores, reads the same files and decodes every image to RGB in full size,
without cropping, resizing or batching. The candidates are measured in turn in one run.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from absl import app, flags
from rich.console import Console
from rich.table import Table

_DIR = flags.DEFINE_string("dir", "", "Folder with one folder per identity; empty for synthetic faces.")
_IMAGES = flags.DEFINE_integer(
    "images", 12_800, "Images per round; enough for the start-up of a pipeline to be negligible."
)
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Timed rounds; the candidates take turns in each.")
_SIDE = flags.DEFINE_integer("side", 112, "Side of the decoded square in pixels.")
_CROP = flags.DEFINE_float("crop", 0.544, "Side of the central crop, as a share of the shorter side of the image.")
_BATCH = 128


def main(_: list[str]) -> None:
    """Measure and print."""
    from lfw_jax.data.batches.feeder import cores
    from lfw_jax.data.batches.loading import stream
    from lfw_jax.data.decoding.crop import CropGeometry
    from lfw_jax.data.formats.folder import read_folder
    from lfw_jax.data.formats.tfds_source import read_tfds
    from lfw_jax.data.images import ImageSet
    from lfw_jax.data.records.reading import read_records
    from lfw_jax.data.records.writing import write_records
    from lfw_jax.data.synthetic import write_folder

    with tempfile.TemporaryDirectory() as scratch:
        folder = _DIR.value or write_folder(Path(scratch) / "faces", people=60, images_per_person=45, side=250, seed=0)
        everything = read_folder(folder)
        steps = _IMAGES.value // _BATCH
        count = steps * _BATCH
        # The same images in every storage, so that a batch costs the same.
        images = everything.where(np.sort(np.random.default_rng(0).permutation(len(everything))[:count]))
        paths = [str(path) for path in images.images]
        sets = {
            "folder": images,
            ".rec": read_records(write_records(Path(scratch) / "records", images)),
            "TFDS": read_tfds(write_tfds(images, Path(scratch) / "tfds"), Path(scratch) / "tfds"),
        }
        order = np.random.default_rng(1).permutation(count) % len(images)
        geometry, threads = CropGeometry(_SIDE.value, _CROP.value), ThreadPoolExecutor(cores())

        def pipeline(source: ImageSet, loader: str) -> Callable[[], object]:
            def call() -> object:
                batches = stream(
                    source, lambda step: order[step * _BATCH : (step + 1) * _BATCH], start=0, stop=steps,
                    geometry=geometry, loader=loader,
                )  # fmt: skip
                return sum(int(batch[0, 0, 0, 0]) for batch in batches)

            return call

        def raw() -> object:
            """Each core decodes every so many files, into memory that it uses again."""
            return list(threads.map(decode_some, [[paths[i] for i in order[n :: cores()]] for n in range(cores())]))

        candidates: dict[str, Callable[[], object]] = {"raw libjpeg-turbo": raw}
        for name, source in sets.items():
            for loader in ("tfdata", "pillow"):
                candidates[f"{name}, loader={loader}"] = pipeline(source, loader)
        report(
            candidates,
            count,
            f"Input: {count:,} images to {geometry.stored_side}×{geometry.stored_side}, on {cores()} cores",
        )


def decode_some(paths: list[str]) -> None:
    """Decode files to pixels, one after another."""
    memory = np.empty(0, np.uint8)
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        encoded = os.read(file, os.fstat(file).st_size)
        os.close(file)
        height, width, _, _ = simplejpeg.decode_jpeg_header(encoded)
        if len(memory) < height * width * 3:
            memory = np.empty(height * width * 3, np.uint8)
        simplejpeg.decode_jpeg(encoded, buffer=memory)


def write_tfds(images: Any, folder: Path) -> str:
    """Write a data set of tensorflow-datasets with these images; return its `--config.data.tfds`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow_datasets as tfds

    class Benchmarked(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        pkg_dir_path = folder

        def _info(self) -> Any:
            features = {"image": tfds.features.Image(), "label": tfds.features.Text()}
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features), disable_shuffling=True
            )

        def _split_generators(self, dl_manager: Any) -> Any:
            del dl_manager
            return {"train": self._generate_examples()}

        def _generate_examples(self) -> Any:
            for i, path in enumerate(images.images):
                yield i, {"image": str(path), "label": images.names[images.labels[i]]}

    Benchmarked(data_dir=str(folder)).download_and_prepare()
    return "benchmarked:1.0.0/train"


def report(candidates: dict[str, Callable[[], object]], count: int, title: str) -> None:
    """Measure the candidates in turn and print a table, relative to the first candidate."""
    rates: dict[str, list[float]] = {name: [] for name in candidates}
    processor: dict[str, list[float]] = {name: [] for name in candidates}
    for candidate in candidates.values():
        candidate()  # files into the page cache, TensorFlow's start
    for _ in range(_ROUNDS.value):
        for name, candidate in candidates.items():
            began, spent = time.perf_counter(), time.process_time()
            candidate()
            rates[name].append(count / (time.perf_counter() - began))
            processor[name].append(1e6 * (time.process_time() - spent) / count)
    raw = statistics.median(next(iter(rates.values())))
    table = Table(title=title, title_justify="left")
    for column in ("", "images/s", "lowest–highest", "share of raw", "CPU µs per image"):
        table.add_column(column, justify="right" if column else "left")
    for name, found in rates.items():
        median = statistics.median(found)
        table.add_row(
            name, f"{median:,.0f}", f"{min(found):,.0f}–{max(found):,.0f}", f"{median / raw:.0%}",
            f"{statistics.median(processor[name]):.0f}",
        )  # fmt: skip
    Console(width=100).print(table)


if __name__ == "__main__":
    app.run(main)
