"""The bundle that a bare GPU machine needs: faces, lists, originals for the cascade, and wheels.

    python -m benchmarks.gpu.bundle --data=LFW --out=build/gpu-bundle     # `make gpu-bundle DATA=LFW`

| file | content |
|---|---|
| `lfw_aligned.npz` | all images, aligned to 112×112 with 11 pixels of margin, JPEG, for the source `array` |
| `pairsDevTrain.txt` … | the lists of View 1 |
| `originals.npz` | up to 2,000 originals, JPEG at a lower quality, for the alignment cascade |
| `cascade_reference.npz` | what the cascade finds in the first of them on this machine's CPU |
| `wheels/` | packages that JAX, Flax, Optax, Orbax, PyTorch, scikit-learn, matplotlib and OpenCV do not bring |
| `bundle.json` | version of the layout, sizes and SHA-256 of the files |
"""

import argparse
import contextlib
import hashlib
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.packages import WHEELS
from benchmarks.gpu.results import KitError

VERSION = 1
"""Version of the layout of a bundle."""

SIDE, MARGIN = 112, 11
"""Pixels of an aligned face and of the margin around it: what `configs/lfw_cpu.py` draws on for shifts at 64 pixels."""

DATA, ORIGINALS, REFERENCE, CARD = "lfw_aligned.npz", "originals.npz", "cascade_reference.npz", "bundle.json"
LISTS = ("pairsDevTrain.txt", "pairsDevTest.txt", "peopleDevTrain.txt", "peopleDevTest.txt")
_MOST_BYTES = 60_000_000
_ALIGNED_QUALITY, _ORIGINAL_QUALITY = 66, 42
_ORIGINALS, _REFERENCES = 2000, 500
_ROOT = Path(__file__).parents[2]


def crop_share() -> float:
    """Return the share of an image of the bundle that a network sees."""
    return SIDE / (SIDE + 2 * MARGIN)


def check_bundle(data: Path) -> dict[str, Any]:
    """Check that a data file lies in a complete bundle of this version, and return the bundle's card.

    Raises:
      KitError: a file that is missing or changed, or another version.
    """
    folder = data.parent
    if not data.is_file():
        raise KitError(f"--data: found no file at {data}; expected the {DATA} that `make gpu-bundle DATA=LFW` makes.")
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        version, files = card["bundle"], card["files"]
    except FileNotFoundError as error:
        raise KitError(
            f"--data: found no {CARD} beside {data}; expected a folder made by `make gpu-bundle`."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KitError(f"{folder / CARD}: not the card of a bundle ({error}); make the bundle again.") from error
    if version != VERSION:
        raise KitError(
            f"--data: {folder} is a bundle of version {version}, expected {VERSION}; make it again: make gpu-bundle."
        )
    if missing := [name for name in LISTS if not (folder / name).is_file()]:
        raise KitError(
            f"--data: found no {missing[0]} beside {data}; expected the lists of View 1 ({', '.join(LISTS)}). Copy the "
            "bundle whole."
        )
    for name, (size, digest) in files.items():
        path = folder / name
        if not path.is_file():
            raise KitError(f"--data: found no {name} in {folder}; copy the bundle whole.")
        if path.stat().st_size != size or _sha256(path) != digest:
            raise KitError(f"--data: {path} is not the file that the bundle was made with; copy the bundle again.")
    return card


def make_bundle(lfw: Path, out: Path) -> None:
    """Make the bundle of LFW, atomically; aligned faces are kept by content in the user's cache folder.

    Raises:
      KitError: `out` exists, no wheels can be had, or the bundle would be too large to travel.
      UserError: what reading, aligning or writing finds wrong.
    """
    from lfw_jax.configs import base
    from lfw_jax.data.formats.folder import read_folder
    from lfw_jax.faces.align_set import aligned_images
    from lfw_jax.report.progress import stage

    if missing := [name for name in LISTS if not (lfw / name).is_file()]:
        raise KitError(f"--data: found no {missing[0]} in {lfw}; expected LFW with the lists of View 1 at its top.")
    with _unfinished_folder(out) as folder:
        config = base.get_config()
        config.align.update(height=SIDE, width=SIDE, margin=MARGIN)
        images = read_folder(lfw)
        aligned, _, note = aligned_images(images, config, stage=stage)
        print(note)
        _write_images(folder / DATA, aligned, range(len(aligned)), _ALIGNED_QUALITY)
        step = max(1, len(images) // _ORIGINALS)
        _write_images(folder / ORIGINALS, images, range(0, len(images), step)[:_ORIGINALS], _ORIGINAL_QUALITY)
        for name in LISTS:
            shutil.copy(lfw / name, folder / name)
        _write_reference(folder, _REFERENCES)
        _download_wheels(folder / "wheels")
        _write_card(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(_sizes(folder, size))
        if size >= _MOST_BYTES:
            raise KitError(
                f"the bundle takes {size / 1e6:.1f} MB, expected below {_MOST_BYTES / 1e6:.0f}: it could not travel."
            )


def make_toy_bundle(out: Path) -> Path:
    """Make a bundle of a few synthetic faces, without wheels; return its data file."""
    from lfw_jax.data.formats.folder import read_folder
    from lfw_jax.data.synthetic import write_folder

    faces = write_folder(out.parent / "faces", people=24, images_per_person=4, side=SIDE + 2 * MARGIN, seed=0)
    with _unfinished_folder(out) as folder:
        images = read_folder(faces)
        _write_images(folder / DATA, images, range(len(images)), _ALIGNED_QUALITY)
        _write_images(folder / ORIGINALS, images, range(16), _ORIGINAL_QUALITY)
        for name in LISTS:
            shutil.copy(faces / name, folder / name)
        _write_reference(folder, 4)
        _write_card(folder)
    return out / DATA


def _write_images(path: Path, images: Any, places: Sequence[int], quality: int) -> None:
    """Write some images of a set as JPEG of a quality, 4:2:0, for the source `array`."""
    import numpy as np
    from PIL import Image

    from lfw_jax.data.decoding.whole import decode_whole
    from lfw_jax.data.formats.array import write_array
    from lfw_jax.data.images import ImageSet

    encoded = []
    for place in places:
        content = io.BytesIO()
        Image.fromarray(decode_whole(images.images[place])).save(
            content, format="JPEG", quality=quality, subsampling=2, optimize=True
        )
        encoded.append(content.getvalue())
    rows = np.asarray(places, np.int64)
    write_array(path, ImageSet(images.names, images.labels[rows], images.numbers[rows], encoded, "encoded"))


def _write_reference(folder: Path, images: int) -> None:
    from benchmarks.gpu.alignment import write_cascade_reference
    from lfw_jax.data.formats.array import read_array

    write_cascade_reference(read_array(folder / ORIGINALS), folder / REFERENCE, images)


def _download_wheels(folder: Path) -> None:
    """Fetch the wheels for Python 3.12 on x86-64, in the versions of the lock file where it has them."""
    platforms = ("manylinux_2_28_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "--python-version=3.12", "--implementation=cp", f"--dest={folder}",
        *(f"--platform={name}" for name in platforms), *_pinned(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), "pip failed")
        raise KitError(
            f"the wheels cannot be fetched ({last}); the bundle is made where a package index can be reached."
        )


def _pinned() -> Iterator[str]:
    from packaging.requirements import Requirement

    lines = (_ROOT / "requirements-cpu.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    where = {
        "python_version": "3.12",
        "python_full_version": "3.12.0",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
    }
    pins = {one.name: str(one.specifier) for one in found if one.marker is None or one.marker.evaluate(where)}
    pins["pytorch-metric-learning"] = "==2.9.0"
    return (name + pins.get(name, "") for name in WHEELS)


def _write_card(folder: Path) -> None:
    files = {
        str(path.relative_to(folder)): (path.stat().st_size, _sha256(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    card = {"bundle": VERSION, "side": SIDE, "margin": MARGIN, "jpeg_quality": _ALIGNED_QUALITY, "files": files}
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sizes(folder: Path, size: int) -> str:
    rows = [(path.name, path.stat().st_size) for path in sorted(folder.iterdir()) if path.is_file()]
    rows.append(("wheels/", sum(path.stat().st_size for path in (folder / "wheels").glob("*"))))
    lines = [f"{name:<24}{number / 1e6:>8.1f} MB" for name, number in [*rows, ("together", size)]]
    return "\n".join(lines)


@contextlib.contextmanager
def _unfinished_folder(out: Path) -> Iterator[Path]:
    """A folder that gets its name when it is complete."""
    from lfw_jax.atomic_files import written_atomically

    with written_atomically(out) as (unfinished,):
        unfinished.mkdir()
        yield unfinished


def main(arguments: list[str]) -> int:
    """Make the bundle; return the exit code."""
    from lfw_jax.errors import UserError

    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.bundle", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of LFW's originals with the lists of View 1")
    parser.add_argument("--toy", action="store_true", help="a few synthetic faces instead, without wheels")
    parser.add_argument(
        "--out", type=Path, default=Path("build/gpu-bundle"), help="folder to make (default: %(default)s)"
    )
    flags = parser.parse_args(arguments)
    try:
        if flags.toy:
            make_toy_bundle(flags.out)
        elif flags.data is None:
            raise KitError("--data is missing; expected LFW's folder, with the lists of View 1 at its top.")
        else:
            make_bundle(flags.data, flags.out)
    except (KitError, UserError) as error:
        print(f"benchmarks.gpu.bundle: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
