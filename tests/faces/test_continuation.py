"""An aligned folder after its input changed is that of a new alignment, wherever a run was killed before."""

import os
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from ml_collections import ConfigDict
from PIL import Image

from configs import base
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.errors import UserError
from lfw_jax.faces import align_set as module
from lfw_jax.faces import aligner, engines, journal, orphans
from lfw_jax.faces.align_set import Aligned, align_set, aligned_images
from lfw_jax.faces.manifest import COLUMNS, read_manifest
from lfw_jax.faces.orphans import orphan_folder


@pytest.fixture(autouse=True)
def _no_detector(monkeypatch: pytest.MonkeyPatch):
    """No face is found, so that every crop is the centre of its image."""
    monkeypatch.setattr(engines, "make_detector", lambda *_: lambda: lambda images: [[] for _ in images])


def stage(*_: object):
    return nullcontext(lambda _: None)


def config() -> ConfigDict:
    config = base.get_config().align
    config.update(height=8, width=8, file_format="png", engine="mtcnn", batch_size=2, workers=1)
    return config


def photo(path: Path, seed: int, side: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)).save(path)


def make_photos(folder: Path) -> Path:
    for seed, name in enumerate(("Ann/1.png", "Ann/2.png", "Ann/3.png", "Bo/1.png", "Bo/2.png", "Cy/1.png")):
        photo(folder / name, seed)
    return folder


def align(photos: Path, out: Path) -> Aligned:
    return align_set(read_folder(photos), out, config(), "--output", stage=stage)


def crops(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.glob("*/*"))}


def assert_as_new(photos: Path, out: Path, tmp_path: Path) -> None:
    """Check that the folder equals that of an alignment into a new folder: crops, rows, and no identity more."""
    new = tmp_path / "new"
    align(photos, new)
    assert crops(out) == crops(new)
    assert (out / "manifest.csv").read_bytes() == (new / "manifest.csv").read_bytes()
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in new.iterdir())
    shutil.rmtree(new)


def change(photos: Path) -> None:
    """Replace a photo, remove one, add one with the stem of another before it, rename an identity."""
    times = (photos / "Ann/1.png").stat()
    photo(photos / "Ann/1.png", 90)
    os.utime(photos / "Ann/1.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    (photos / "Ann/2.png").unlink()
    photo(photos / "Ann/3.bmp", 91)
    (photos / "Cy").rename(photos / "Di")


def test_crops_follow_their_images(tmp_path: Path):
    photos, out = make_photos(tmp_path / "in"), tmp_path / "out"
    first = align(photos, out)
    assert (first.fresh, first.replaced, first.orphans) == (6, 0, 0)
    before = crops(out)
    change(photos)
    second = align(photos, out)
    # The photo that was replaced, both of one stem, and that of the new name.
    assert (second.fresh, second.replaced, second.orphans) == (4, 2, 2)
    assert_as_new(photos, out, tmp_path)
    assert crops(orphan_folder(out)) == {name: before[name] for name in ("Ann/2.png", "Cy/1.png")}
    third = align(photos, out)
    assert (third.fresh, third.replaced, third.orphans) == (0, 0, 0)


def test_a_second_file_of_a_stem_has_a_crop_of_its_own(tmp_path: Path):
    photos, out = make_photos(tmp_path / "in"), tmp_path / "out"
    align(photos, out)
    photo(photos / "Bo/1.bmp", 50)
    align(photos, out)
    assert len(set(crops(out).values())) == 7
    assert {Path(row.source).name: row.file for row in read_manifest(out / "manifest.csv")[3:5]} == {
        "1.bmp": "Bo/1.png", "1.png": "Bo/1~2.png",
    }  # fmt: skip


class Killed(BaseException):
    """The end of a run that no handler expects."""


def count_writes(monkeypatch: pytest.MonkeyPatch, last: int) -> Callable[[], int]:
    """Raise `Killed` instead of the write with the number `last`; return the counter of writes."""
    done = 0

    def limited(write: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal done
            if done == last:
                raise Killed
            done += 1
            return write(*arguments, **options)

        return call

    for holder, name in (
        (aligner, "save_crop"), (journal.Journal, "_write"), (journal, "write_manifest"), (module, "write_manifest"),
        (orphans.shutil, "move"),
    ):  # fmt: skip
        monkeypatch.setattr(holder, name, limited(getattr(holder, name)))
    return lambda: done


@pytest.mark.parametrize("then", ["nothing", "changed back", "changed once more"])
def test_a_run_may_be_killed_at_any_write_and_the_input_may_change_again(tmp_path: Path, then: str):
    last, completed = 0, False
    while not completed:
        work = tmp_path / str(last)
        photos, out = make_photos(work / "in"), work / "out"
        align(photos, out)
        before = {path: path.read_bytes() for path in photos.glob("*/*")}
        change(photos)
        with pytest.MonkeyPatch.context() as patches:
            writes = count_writes(patches, last)
            try:
                align(photos, out)
                completed = True
            except Killed:
                assert writes() == last
        if then == "changed back":
            shutil.rmtree(photos)
            for path, content in before.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        elif then == "changed once more":
            (photos / "Ann/3.bmp").unlink()
            photo(photos / "Ann/1.png", 92)
            shutil.rmtree(photos / "Di")
        align(photos, out)
        assert_as_new(photos, out, work)
        last += 1
    assert last > 8


def test_a_folder_of_an_earlier_version_is_continued_and_then_follows_the_images(tmp_path: Path):
    photos, out = make_photos(tmp_path / "in"), tmp_path / "out"
    align(photos, out)
    manifest = out / "manifest.csv"
    lines = manifest.read_text().splitlines()
    assert lines[0] == ",".join(COLUMNS)
    manifest.write_text("".join(line.rpartition(",")[0] + "\n" for line in lines))
    photo(photos / "Ann/3.bmp", 91)
    second = align(photos, out)
    assert (second.fresh, second.replaced) == (2, 1)  # the crop of 3.png is not taken for that of 3.bmp
    assert_as_new(photos, out, tmp_path)
    photo(photos / "Ann/1.png", 90)
    assert align(photos, out).replaced == 1
    assert_as_new(photos, out, tmp_path)


def test_a_moved_input_is_not_aligned_again(tmp_path: Path):
    photos, out = make_photos(tmp_path / "in"), tmp_path / "out"
    align(photos, out)
    photos = photos.rename(tmp_path / "elsewhere")
    assert align(photos, out).fresh == 0
    assert_as_new(photos, out, tmp_path)


def test_a_missing_crop_is_made_again(tmp_path: Path):
    photos, out = make_photos(tmp_path / "in"), tmp_path / "out"
    align(photos, out)
    (out / "Ann/1.png").unlink()
    second = align(photos, out)
    assert (second.fresh, second.replaced) == (1, 1)
    assert_as_new(photos, out, tmp_path)


def test_the_crop_of_an_image_that_became_unreadable_goes(tmp_path: Path):
    photos, out = make_photos(tmp_path / "in"), tmp_path / "out"
    align(photos, out)
    images = read_folder(photos)
    (photos / "Ann/1.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    result = align_set(images, out, config(), "--output", stage=stage)
    assert [row.source for row in result.rows if row.fault] == [str(photos / "Ann/1.png")]
    assert "Ann/1.png" not in crops(out)


def test_an_unreadable_image_is_not_taken_for_the_crop_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make_photos(tmp_path / "in")
    photo(tmp_path / "in/Bo/1.bmp", 50)
    monkeypatch.chdir(tmp_path / "in")
    images = read_folder(".")  # so that the image Bo/1.png is called as the crop of Bo/1.bmp
    Path("Bo/1.png").write_bytes(b"")
    rows = align_set(images, tmp_path / "out", config(), "--output", stage=stage).rows
    assert [(row.file, row.source) for row in rows if "Bo/1" in row.source] == [
        ("Bo/1.png", "Bo/1.bmp"), ("", "Bo/1.png"),
    ]  # fmt: skip


def test_files_that_the_manifest_does_not_name_or_that_are_elsewhere_are_left_alone(tmp_path: Path):
    photos, out, other = make_photos(tmp_path / "in"), tmp_path / "out", tmp_path / "other"
    align(photos, out)
    photo(other / "1.png", 70)
    (out / "Ann/notes.txt").write_text("mine")
    (out / "mine.png").write_bytes(b"mine")
    shutil.rmtree(out / "Cy")
    (out / "Cy").symlink_to(other)
    manifest = out / "manifest.csv"
    row = manifest.read_text().splitlines()[1]
    for file in ("../other/1.png", str(other / "1.png"), "mine.png", "align.json"):
        with manifest.open("a") as lines:
            lines.write(row.replace("Ann/1.png", file, 1) + "\n")
    shutil.rmtree(photos / "Ann")
    shutil.rmtree(photos / "Cy")
    (out / "Bo/own.JPG").write_bytes(b"mine")
    result = align(photos, out)
    assert result.orphans == 3  # those of Ann
    assert result.unnamed == ["Bo/own.JPG", "Cy/1.png"]
    assert (out / "Bo/own.JPG").is_file()
    assert (other / "1.png").is_file()
    assert {"mine.png", "align.json", "Ann", "Bo"} <= {path.name for path in out.iterdir()}
    assert [path.name for path in (out / "Ann").iterdir()] == ["notes.txt"]


def test_orphans_never_overwrite_each_other(tmp_path: Path):
    photos, out = make_photos(tmp_path / "in"), tmp_path / "out"
    for seed in (20, 21):
        photo(photos / "Ann/4.png", seed)
        align(photos, out)
        (photos / "Ann/4.png").unlink()
        assert align(photos, out).orphans == 1
    moved = crops(orphan_folder(out))
    assert list(moved) == ["Ann/4.png", "Ann/4~2.png"]
    assert len(set(moved.values())) == 2


def test_another_input_is_refused_and_nothing_is_moved(tmp_path: Path):
    photos, out = make_photos(tmp_path / "in"), tmp_path / "out"
    align(photos, out)
    before = crops(out)
    photo(tmp_path / "others/Zoe/1.png", 80)
    with pytest.raises(
        UserError, match=r"has 6 crops, none of an image of this input .the first is Ann/1\.png.*former"
    ):
        align(tmp_path / "others", out)
    assert crops(out) == before
    assert align(photos, out).fresh == 0


def test_a_cache_belongs_to_contents_whatever_the_files_are_called(tmp_path: Path):
    whole = base.get_config()
    whole.align.update(config())
    whole.data.align_dir = str(tmp_path / "cache")
    results = []
    for names in (("p", "q"), ("q", "r")):  # the same two images under names of which one changes its image
        photos = tmp_path / "".join(names)
        for seed, name in enumerate(names):
            photo(photos / "Ann" / f"{name}.png", seed, side=24)
        aligned, _, note = aligned_images(read_folder(photos), whole, stage=stage)
        results.append([Path(str(path)).read_bytes() for path in aligned.images])
    assert "0 aligned now" in note
    assert results[0] == results[1]
    assert len(set(results[0])) == 2
