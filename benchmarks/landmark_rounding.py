"""The effect of rounding landmarks to whole pixels on aligned crops.

    python -m benchmarks.landmark_rounding --dir=LFW
    python -m benchmarks.landmark_rounding --dir=LFW --write=FOLDER --margin=11

The mtcnn package reports landmarks in whole pixels; `lfw_jax` uses those of its networks. Each face is cropped by both.
With `--write`, the crops of all images are written to FOLDER/subpixel and FOLDER/rounded, for training on each; a margin
of 11 pixels is the one that `config.data.align` stores for lfw_cpu.
"""

import dataclasses
import os
import platform
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from absl import app, flags
from jaxtyping import Float, UInt8
from rich.console import Console
from rich.table import Table

from lfw_jax.data.batches.feeder import cores
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.images import ImageSet
from lfw_jax.faces.aligner import Task, in_batches
from lfw_jax.faces.alignment import similarity, template
from lfw_jax.faces.crops import Crop, CropSettings, crop_faces
from lfw_jax.faces.detection import Detect, Face
from lfw_jax.faces.saving import save_crop
from lfw_jax.faces.tasks import tasks

_DIR = flags.DEFINE_string("dir", "", "Folder of one folder per identity; empty: synthetic faces.")
_IMAGES = flags.DEFINE_integer("images", 1000, "Images, evenly spaced over the set; with --write, all are used.")
_ENGINE = flags.DEFINE_string("engine", "mtcnn", "Engine of the detector: mtcnn or jax.")
_MARGIN = flags.DEFINE_integer("margin", 0, "Pixels around the crop on every side.")
_WRITE = flags.DEFINE_string("write", "", "Folder for the crops of both kinds.")

_QUANTITIES = {
    "landmarks": "landmark, pixels of the image",
    "displacement": "pixel of the crop, pixels",
    "rotation": "rotation of the crop, degrees",
    "scale": "size of the face in the crop, %",
    "grey": "pixel of the crop, grey levels",
}
"""The measured differences. The displacement is that of every fourth pixel in both directions, grey levels are means of crops."""


def main(_: list[str]) -> None:
    from lfw_jax.data.sources import read_path
    from lfw_jax.data.synthetic import write_folder
    from lfw_jax.faces.engines import make_detector

    with tempfile.TemporaryDirectory() as scratch:
        folder = _DIR.value or write_folder(Path(scratch) / "in", people=64, images_per_person=8, side=250, seed=0)
        images = read_path(folder)[0]
        if not _WRITE.value:
            step = max(1, len(images) // _IMAGES.value)
            images = images.where(np.arange(0, len(images), step)[: _IMAGES.value])
        settings = CropSettings(margin=_MARGIN.value)
        found = differences(images, make_detector(_ENGINE.value)(), settings, _WRITE.value)
    console = Console(width=100)
    console.print(_table(found))
    console.print(f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, engine {_ENGINE.value}")
    for kind in ("subpixel", "rounded") if _WRITE.value else ():
        print(
            f"python launch.py --config=configs/lfw_cpu.py --config.data.source=folder --config.data.dir={_WRITE.value}/{kind} "
            f"--config.data.lists_dir={_DIR.value} --config.data.crop={112 / (112 + 2 * _MARGIN.value)!r} --workdir=runs/{kind}"
        )


def _table(found: dict[str, Float[np.ndarray, "values"]]) -> Table:
    table = Table(title=f"Rounded beside sub-pixel landmarks, {len(found['rotation']):,} faces", title_justify="left")
    for column in ("absolute difference", "mean", "95 %", "largest"):
        table.add_column(column, justify="left" if column.startswith("abs") else "right")
    for name, text in _QUANTITIES.items():
        values = np.abs(found[name])
        table.add_row(text, f"{values.mean():.2f}", f"{np.quantile(values, 0.95):.2f}", f"{values.max():.2f}")
    return table


def differences(
    images: ImageSet, detect: Detect, settings: CropSettings, folder: str = ""
) -> dict[str, Float[np.ndarray, "values"]]:
    """Return the differences between crops by rounded and by sub-pixel landmarks.

    Args:
      images: the images; those without a face do not count.
      detect: the face detector.
      settings: the geometry of the crops.
      folder: the folder to which crops of both kinds are written; "" to write none.

    Returns:
      All values of each quantity, by the names of `_QUANTITIES`.
    """
    results: dict[str, list[np.ndarray]] = {name: [] for name in _QUANTITIES}

    def crop(batch: list[Task]) -> list[dict[str, np.ndarray]]:
        pixels = [decode_whole(task.image) for task in batch]
        faces = detect(pixels)
        exact = crop_faces(pixels, _given(faces), settings)
        rounded = crop_faces(pixels, _given([[_rounded(face) for face in some] for some in faces]), settings)
        if folder:
            for kind, crops in (("subpixel", exact), ("rounded", rounded)):
                for task, one in zip(batch, crops, strict=True):
                    save_crop(Path(folder) / kind / task.file, one.pixels, "jpg")
        return [_difference(*pair, settings) for pair in zip(exact, rounded, strict=True) if pair[0].face]

    with ThreadPoolExecutor(cores()) as threads:
        for batch in threads.map(crop, in_batches(tasks(images, "jpg"), 32)):
            for one in batch:
                for name, values in one.items():
                    results[name].append(values)
    return {name: np.concatenate(values) for name, values in results.items()}


def _given(faces: list[list[Face]]) -> Detect:
    """Return a detector whose answer is known."""

    def detect(images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        assert len(images) == len(faces)
        return faces

    return detect


def _rounded(face: Face) -> Face:
    return dataclasses.replace(face, points=np.round(face.points))


def _difference(exact: Crop, rounded: Crop, settings: CropSettings) -> dict[str, np.ndarray]:
    """Return the differences of one face."""
    assert exact.face
    assert rounded.face
    target = template(settings.height, settings.width) + settings.margin
    one, other = (_square(similarity(face.points, target)) for face in (exact.face, rounded.face))
    change = other @ np.linalg.inv(one)  # from positions in the one crop to those in the other
    height, width = exact.pixels.shape[:2]
    rows, columns = np.mgrid[:height:4, :width:4]
    positions = np.stack((columns.ravel(), rows.ravel(), np.ones(rows.size)))
    turn = complex(change[0, 0], change[1, 0])
    return {
        "landmarks": np.hypot(*(rounded.face.points - exact.face.points).T),
        "displacement": np.hypot(*((change @ positions)[:2] - positions[:2])).astype(np.float32),
        "rotation": np.degrees([np.angle(turn)]),
        "scale": np.array([100 * (abs(turn) - 1)]),
        "grey": np.array([np.abs(exact.pixels.astype(int) - rounded.pixels).mean()]),
    }


def _square(matrix: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "3 3"]:
    return np.vstack((matrix, (0.0, 0.0, 1.0)))


if __name__ == "__main__":
    app.run(main)
