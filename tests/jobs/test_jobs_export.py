"""`--mode=export` end to end: every format from drawn faces, and what goes wrong while writing."""

import errno
import pickle
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest

from configs import base
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.formats import encoding
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.sources import read_path
from lfw_jax.data.synthetic import write_folder as draw
from lfw_jax.errors import UserError
from lfw_jax.jobs.dispatch import Request, run_job


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("drawn") / "faces", people=24, images_per_person=4, side=40, seed=0)


def export(output: Path, faces: Path | None = None, source: str = "folder", **flags: str) -> None:
    config = base.get_config()
    config.data.update(source=source, dir=str(faces or ""), validation_people=0.3, pairs=30)
    run_job(Request(mode="export", config=config.lock(), name="base", output=str(output), **flags))


@pytest.mark.parametrize("output", ["out/train.rec", "out.npz", "out"])
def test_images_are_copied_byte_for_byte_into_every_format(faces: Path, tmp_path: Path, capsys, output: str):
    export(tmp_path / output, faces)
    images, found = read_folder(faces), read_path(tmp_path / output)[0]
    assert found.keys() == images.keys()
    content = [image if isinstance(image, bytes) else image.read_bytes() for image in found.images]
    assert content == [path.read_bytes() for path in images.images]
    assert f"{output}: 96 images of 24 identities (image files, byte for byte)" in capsys.readouterr().out


def test_names_of_files_reach_the_terminal_as_escapes(faces: Path, tmp_path: Path, capsys):
    person = tmp_path / "faces" / "Ann"
    shutil.copytree(next(path for path in sorted(faces.iterdir()) if path.is_dir()), person)
    (person / "\x1b[31mred\n\x9b2J.jpg").write_text("<html>")
    export(tmp_path / "out\x1b[0m.npz", tmp_path / "faces")
    printed = capsys.readouterr().out
    assert "Ann/\\x1b[31mred\\n\\x9b2J.jpg: " in printed
    assert "out\\x1b[0m.npz: 4 images of 1 identities" in printed
    assert not set(printed) & set("\x1b\x9b")


def test_one_format_goes_into_another_by_its_path(faces: Path, tmp_path: Path):
    export(tmp_path / "a.npz", faces)
    export(tmp_path / "rec" / "faces.rec", input=str(tmp_path / "a.npz"))
    export(tmp_path / "back", tmp_path / "rec", "rec")
    assert sorted(path.name for path in (tmp_path / "rec").iterdir()) == [
        "faces.idx", "faces.people.json", "faces.rec", "property",
    ]  # fmt: skip
    for path in read_folder(faces).images:
        assert (tmp_path / "back" / path.relative_to(faces)).read_bytes() == path.read_bytes()


def test_a_bin_holds_the_test_pairs_of_the_protocol(faces: Path, tmp_path: Path, capsys):
    from lfw_jax.data.protocols.lfw_lists import read_pairs

    export(tmp_path / "view1.bin", faces)
    pairs = read_pairs(faces / "pairsDevTest.txt")
    content, same = pickle.loads((tmp_path / "view1.bin").read_bytes())
    assert same == pairs.same.tolist()
    name, number = pairs.second[-1]
    assert content[-1] == (faces / name / f"{name}_{number:04d}.jpg").read_bytes()
    assert f"{len(pairs)} pairs of pairsDevTest, {sum(same)} of one identity" in capsys.readouterr().out


def test_pair_lists_can_be_followed_in_a_rec(faces: Path, tmp_path: Path):
    export(tmp_path / "rec" / "train.rec", faces)
    export(tmp_path / "of_files.bin", faces)
    for path in faces.glob("*.txt"):
        (tmp_path / "rec" / path.name).write_bytes(path.read_bytes())
    export(tmp_path / "of_records.bin", tmp_path / "rec", "rec")
    assert (tmp_path / "of_records.bin").read_bytes() == (tmp_path / "of_files.bin").read_bytes()


def test_unreadable_images_are_counted(faces: Path, tmp_path: Path, capsys):
    import shutil

    shutil.copytree(faces, tmp_path / "faces")
    first = read_folder(faces).images[0].relative_to(faces)
    (tmp_path / "faces" / first).write_bytes(b"")
    export(tmp_path / "out.npz", tmp_path / "faces")
    assert "1 images are excluded, the first" in capsys.readouterr().out


def test_what_is_there_is_not_overwritten(faces: Path, tmp_path: Path):
    (tmp_path / "out.npz").write_text("precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "note").write_text("precious")
    for output in ("out.npz", "out", "out/note"):
        with pytest.raises(UserError, match=r"--output: .* exists already"):
            export(tmp_path / output, faces)
    assert (tmp_path / "out.npz").read_text() == "precious"
    export(tmp_path / "empty", faces)
    assert (tmp_path / "empty").is_dir()


def test_an_output_that_is_none_is_told(faces: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"--output is empty; expected train\.rec"):
        run_job(Request(mode="export", config=base.get_config().lock(), name="base"))
    with pytest.raises(UserError, match=r"out\.csv is a format that cannot be written"):
        export(tmp_path / "out.csv", faces)


EVERY_FORMAT = pytest.mark.parametrize("output", ["new/train.rec", "new/out.npz", "new/out.bin", "new/out"])


@EVERY_FORMAT
def test_a_system_that_takes_no_more_bytes_leaves_nothing(faces: Path, tmp_path: Path, output: str):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, before[1]))  # bytes of a file; an image has more
    try:
        with pytest.raises(UserError, match=r"cannot be written \(File too large.*Nothing was kept") as caught:
            export(tmp_path / output, faces)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@EVERY_FORMAT
@pytest.mark.parametrize("after", [1, 3])
def test_a_full_disk_leaves_nothing(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, after: int
):
    real, calls = encoding.encoded_image, []

    def failing(images, place):
        calls.append(place)
        if len(calls) > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(images, place)

    # The system's answer comes while the images are written.
    monkeypatch.setattr(encoding, "encoded_image", failing)
    monkeypatch.setattr("lfw_jax.data.formats.folder_writing.encoded_image", failing)
    with pytest.raises(
        UserError,
        match=r"cannot be written \(No space left.*Nothing was kept\. Choose another path, or free some space",
    ):
        export(tmp_path / output, faces)
    assert not list(tmp_path.iterdir())


@EVERY_FORMAT
def test_a_folder_that_is_read_only_is_told(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str):
    def refused(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "mkdir", refused)  # root, as whom a container's tests run, may write anywhere
    with pytest.raises(UserError, match=r"cannot be written \(Read-only file system: .*Choose another path"):
        export(tmp_path / output, faces)
    assert not list(tmp_path.iterdir())


def test_a_folder_below_a_file_is_told(faces: Path, tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written"):
        export(tmp_path / "file" / "out.npz", faces)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_pixels_become_png(tmp_path: Path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    np.savez(tmp_path / "a.npz", pixels=pixels, labels=[0, 0], names=["a"])
    export(tmp_path / "out", input=str(tmp_path / "a.npz"))
    assert (tmp_path / "out" / "a" / "a_0002.png").read_bytes().startswith(b"\x89PNG")


def test_aligned_faces_are_written_as_their_crops(tmp_path: Path, capsys):
    folder = draw(tmp_path / "faces", people=7, images_per_person=2, side=160, seed=5)
    config = base.get_config()
    config.data.update(source="folder", dir=str(folder), align=True, align_dir=str(tmp_path / "cache"))
    config.data.update(side=32, margin=3)  # what a training draws on is no part of a crop for others
    run_job(Request(mode="export", config=config.lock(), name="base", output=str(tmp_path / "aligned.npz")))
    said = capsys.readouterr().out
    assert "aligned faces from" in said
    assert "14 aligned now" in said
    images, found = read_folder(folder), read_path(tmp_path / "aligned.npz")[0]
    assert found.keys() == images.keys()
    assert {decode_whole(image).shape for image in found.images} == {(112, 112, 3)}
