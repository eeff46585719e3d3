"""The alignment job: a folder in, a folder out; resumed, refused, out of space, from every source, and as training data."""

import csv
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from configs import base
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.faces import saving
from lfw_jax.faces.align_set import aligned_images
from lfw_jax.faces.manifest import read_manifest
from lfw_jax.jobs.align import align
from lfw_jax.jobs.dispatch import Request
from lfw_jax.report.progress import stage

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_folder(tmp_path_factory.mktemp("set") / "faces", people=9, images_per_person=2, side=160, seed=5)
    for extra in folder.glob("*.txt"):
        extra.unlink()
    return folder


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def request(source: Path | str, output: Path, **changes) -> Request:
    config = base.get_config()
    config.align.update(changes)
    return Request("align", config, "base", input=str(source), output=str(output))


def test_a_folder_in_and_an_aligned_folder_out(faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    images = shutil.copytree(faces, tmp_path / "in")
    person = next(path for path in sorted(images.iterdir()) if path.is_dir())
    Image.fromarray(np.zeros((90, 90, 3), np.uint8)).save(person / "nobody.png")
    (person / "page.jpg").write_text("<html>")
    out = tmp_path / "out"
    align(request(images, out, batch_size=4))
    rows = read_manifest(out / "manifest.csv")
    readable = sorted(path for path in images.glob("*/*") if path.name != "page.jpg")
    assert [row.source for row in rows] == [*map(str, readable), str(person / "page.jpg")]
    assert [row.source for row in rows if row.fault] == [str(person / "page.jpg")]
    assert str(person / "nobody.png") in [row.source for row in rows if row.fallback]
    assert sum(row.face is not None for row in rows) > 12
    for row in rows[:-1]:
        assert size(out / row.file) == (112, 112)
        assert Path(row.file).parts == (Path(row.source).parent.name, f"{Path(row.source).stem}.jpg")
    assert size(out / "contact_sheet.png")[0] > 500
    assert (out / "fallbacks.png").is_file()
    printed = capsys.readouterr().out
    assert "19 aligned now" in printed
    assert "1 could not be read" in printed
    assert all(len(line) <= 160 for line in printed.splitlines())
    # Again: nothing is done anew, and what joined since is.
    shutil.copy(readable[0], person / "later.jpg")
    align(request(images, out))
    assert "1 aligned now" in capsys.readouterr().out
    assert len(read_manifest(out / "manifest.csv")) == len(rows) + 1
    # An image that was replaced is aligned again, and a crop whose image was removed is moved away.
    before = (out / person.name / "later.jpg").read_bytes()
    shutil.copy(readable[-1], person / "later.jpg")
    readable[-1].unlink()
    align(request(images, out))
    printed = capsys.readouterr().out
    assert "1 aligned now" in printed
    assert "1 of them again" in printed
    assert f"1 crop without an image in the input, moved to {tmp_path / 'out.orphans'}" in printed
    assert (out / person.name / "later.jpg").read_bytes() != before
    assert len(read_manifest(out / "manifest.csv")) == len(rows)


def test_crops_can_have_another_shape_and_format(faces: Path, tmp_path: Path):
    align(request(faces, tmp_path / "out", height=56, width=48, file_format="png", face="largest"))
    crops = sorted((tmp_path / "out").glob("*/*.png"))
    assert len(crops) == 18
    assert size(crops[0]) == (48, 56)


def test_a_killed_run_goes_on_where_it_stopped(faces: Path, tmp_path: Path):
    out = tmp_path / "out"
    command = [
        sys.executable,
        "launch.py",
        "--mode=align",
        f"--input={faces}",
        f"--output={out}",
        "--config.align.batch_size=1",
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    manifest = out / "manifest.csv"
    deadline = time.monotonic() + 300
    finished = re.compile(rb",,[0-9a-f]{16}\n")  # the end of a row with a crop
    while time.monotonic() < deadline and not (manifest.exists() and len(finished.findall(manifest.read_bytes())) >= 3):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    begun = manifest.read_bytes()
    rows = [row for row in csv.DictReader(begun.decode().splitlines()) if row["content"]]
    done = {row["file"]: (out / row["file"]).stat().st_mtime_ns for row in rows}
    assert len(done) >= 3
    align(request(faces, out))
    rows = read_manifest(manifest)
    assert len(rows) == 18
    assert len({row.file for row in rows}) == 18
    for file, written in done.items():
        assert (out / file).stat().st_mtime_ns == written  # not done again
    assert all(size(out / row.file) == (112, 112) for row in rows)
    assert not list(out.rglob(".*"))


def test_a_full_disk_is_one_sentence_and_keeps_what_is_done(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out, written = tmp_path / "out", []
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if ".jpg." in path.name:
            if len(written) == 5:
                write(path, content[:10])
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(path)
        return write(path, content)

    monkeypatch.setattr(saving.Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"cannot be written .No space left on device.*Free some space"):
        align(request(faces, out, batch_size=2, workers=1))
    monkeypatch.undo()
    assert not list(out.rglob(".*.unfinished"))
    align(request(faces, out))
    assert len(read_manifest(out / "manifest.csv")) == 18


def test_a_beam_pipeline_leaves_the_same_folder(faces: Path, tmp_path: Path):
    pytest.importorskip("apache_beam", reason="needs the extra beam")
    align(request(faces, tmp_path / "threads"))
    command = [sys.executable, "launch.py", "--mode=align", f"--input={faces}", f"--output={tmp_path / 'beam'}"]
    options = ["--config.align.runner=beam", "--config.align.batch_size=4", "--config.align.workers=2"]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "18 aligned now" in done.stdout
    ours, beam = (read_manifest(tmp_path / name / "manifest.csv") for name in ("threads", "beam"))
    assert [(row.file, row.source, row.faces, row.fallback) for row in beam] == [
        (row.file, row.source, row.faces, row.fallback) for row in ours
    ]
    for row in ours:
        one, other = (decode_whole(tmp_path / name / row.file).astype(int) for name in ("threads", "beam"))
        assert np.abs(one - other).mean() < 1  # batches of other sizes round differently
    assert not list((tmp_path / "beam").glob(".beam*"))


def test_what_cannot_be_is_refused(faces: Path, tmp_path: Path):
    with pytest.raises(UserError, match="needs --output=FOLDER"):
        align(Request("align", base.get_config(), "base", input=str(faces)))
    with pytest.raises(UserError, match="is inside --input"):
        align(request(faces, faces / "aligned"))
    with pytest.raises(UserError, match="found no such file or folder"):
        align(request(tmp_path / "none", tmp_path / "out"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").touch()
    with pytest.raises(UserError, match=r"is not empty and holds no align\.json"):
        align(request(faces, other))
    with pytest.raises(UserError, match=r"--config\.align\.engine is 'torch'; expected auto, mtcnn, jax"):
        align(request(faces, tmp_path / "out", engine="torch"))
    align(request(faces, tmp_path / "out"))
    with pytest.raises(UserError, match="aligned with other settings: height was 112, now 224; width was 112, now 224"):
        align(request(faces, tmp_path / "out", height=224, width=224))


@pytest.fixture(scope="module")
def config():
    config = base.get_config()
    config.data.update(side=32, margin=3)
    return config


def test_aligned_training_images_are_made_once_and_found_by_content(faces: Path, tmp_path: Path, config):
    config.data.align_dir = str(tmp_path / "cache")
    images = read_folder(faces)
    aligned, crop, note = aligned_images(images, config, stage=stage)
    assert "18 aligned now" in note
    assert aligned.undetected is not None
    assert f"{len(aligned.undetected)} without a detected face" in note
    assert images.undetected is None
    assert crop == pytest.approx(112 / (112 + 2 * 11))  # 3 of 32 pixels around are 10.5 of 112
    assert aligned.names == images.names
    np.testing.assert_array_equal(aligned.labels, images.labels)
    np.testing.assert_array_equal(aligned.numbers, images.numbers)
    assert size(aligned.images[0]) == (134, 134)
    copy = shutil.copytree(faces, tmp_path / "moved")
    assert (
        "0 aligned now" in aligned_images(read_folder(copy), config, stage=stage)[2]
    )  # by content, not by path or time
    changed = next(iter(sorted(copy.glob("*/*.jpg"))))
    Image.fromarray(np.zeros((160, 160, 3), np.uint8)).save(changed)
    black, _, note = aligned_images(read_folder(copy), config, stage=stage)
    assert "18 aligned now" in note
    assert black.undetected is not None
    assert black.undetected - aligned.undetected == {black.keys()[0]}
    config.align.face = "best"
    assert "18 aligned now" in aligned_images(images, config, stage=stage)[2]
    config.align.width = 96
    with pytest.raises(UserError, match="needs square crops"):
        aligned_images(images, config, stage=stage)


def test_more_context_shows_more_of_the_head_and_less_a_part_of_the_face(faces: Path, tmp_path: Path):
    config, images = base.get_config(), read_folder(faces).where(np.arange(2))
    config.data.update(side=32, margin=3, align_dir=str(tmp_path), context=1.5)
    wide, crop, _ = aligned_images(images, config, stage=stage)
    # 1.5 · 112 pixels and 1.5 · 10.5 on either side, of which 112 and the margin of the alignment are whole numbers.
    assert size(wide.images[0]) == (112 + 2 * 44, 112 + 2 * 44)
    assert crop == pytest.approx(1.5 * 112 / 200)
    config.data.context = 0.75
    narrow, crop, _ = aligned_images(images, config, stage=stage)
    assert size(narrow.images[0]) == (112, 112)
    assert crop == pytest.approx(0.75)


def test_encoded_images_and_pixels_are_aligned_as_files_are(faces: Path, tmp_path: Path):
    files = read_folder(faces)
    encoded = ImageSet(
        files.names, files.labels, files.numbers, [Path(path).read_bytes() for path in files.images], "encoded"
    )
    pixels = ImageSet(
        files.names, files.labels, files.numbers,
        np.stack([decode_whole(path) for path in files.images]), "pixels",
    )  # fmt: skip
    config = base.get_config()
    config.data.align_dir = str(tmp_path)
    results = [aligned_images(images, config, stage=stage)[0] for images in (files, encoded, pixels)]
    for place in range(len(files)):
        crops = [decode_whole(aligned.images[place]).astype(int) for aligned in results]
        assert np.abs(crops[1] - crops[0]).max() == 0
        assert np.abs(crops[2] - crops[0]).max() == 0
