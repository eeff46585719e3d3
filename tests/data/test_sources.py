"""Folder, array, synthetic and lfw: the same images from every source, and error messages for faulty input."""

import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.batches.loading import decode_all, stream
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.file_formats import FORMATS
from lfw_jax.data.formats.array import read_array, write_array
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.formats.lfw import Archive, fetch_lfw
from lfw_jax.data.sources import read_source
from lfw_jax.errors import UserError

GEOMETRY = CropGeometry(20, 0.8, 2)


def picture(seed: int, size: tuple[int, int] = (40, 36)) -> Image.Image:
    """Return smooth noise, which JPEG compression and resizing preserve."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def faces_dir(tmp_path: Path) -> Path:
    root = tmp_path / "faces"
    for person, count in (("Ann_Lee", 3), ("Bo", 1), ("Ćira Žan", 2)):
        (root / person).mkdir(parents=True)
        for number in range(1, count + 1):
            picture(7 * number + len(person)).save(root / person / f"{person}_{number:04d}.jpg", quality=95)
    return root


def test_a_folder_is_read_in_order_with_names_and_numbers(faces_dir: Path):
    found = read_folder(faces_dir)
    assert found.names == ("Ann_Lee", "Bo", "Ćira Žan")
    assert found.keys()[:4] == [("Ann_Lee", 1), ("Ann_Lee", 2), ("Ann_Lee", 3), ("Bo", 1)]
    assert found.numbers_by_identity() == {"Ann_Lee": [1, 2, 3], "Bo": [1], "Ćira Žan": [1, 2]}
    assert not found.skipped


def test_files_that_are_not_images_are_skipped_with_the_reason(faces_dir: Path):
    whole = (faces_dir / "Bo" / "Bo_0001.jpg").read_bytes()
    (faces_dir / "Bo" / "Bo_0002.jpg").write_bytes(whole[: len(whole) // 2])
    (faces_dir / "Bo" / "Bo_0003.jpg").write_text("<html>not found</html>")
    (faces_dir / "Bo" / "Bo_0004.jpg").write_bytes(b"")
    (faces_dir / "Bo" / "more").mkdir()
    picture(3).convert("CMYK").save(faces_dir / "Bo" / "Bo_0005.jpg")
    picture(3).save(faces_dir / "Bo" / "Bo_0006.webp")
    picture(4).save(faces_dir / "Bo" / "Bo_0007.jp2")
    (faces_dir / "Bo" / ".DS_Store").write_text("hidden")
    (faces_dir / "Empty").mkdir()
    found = read_folder(faces_dir)
    assert len(found) == 7
    assert "Empty" not in found.names
    reasons = {Path(item.path).name: item.reason for item in found.skipped}
    assert reasons == {
        "Bo_0002.jpg": "a JPEG that is cut off before its end",
        "Bo_0003.jpg": "not an image",
        "Bo_0004.jpg": "not an image",
        "Bo_0005.jpg": "a JPEG in CMYK, expected RGB or grey",
        "Bo_0007.jp2": f"a JPEG 2000 file, expected {', '.join(FORMATS)}",
        "more": "not a file",
    }


def test_files_without_numbers_are_numbered_from_1(faces_dir: Path):
    (faces_dir / "Bo" / "holiday.png").write_bytes(b"")
    picture(1).save(faces_dir / "Bo" / "holiday.png")
    assert read_folder(faces_dir).numbers_by_identity()["Bo"] == [1, 2]


def test_no_folder_and_no_images_are_reported(tmp_path: Path):
    with pytest.raises(UserError, match="quickstart"):
        read_folder(tmp_path / "none")
    with pytest.raises(UserError, match=r"found no image under \S+\. Expected one folder per identity"):
        read_folder(tmp_path)
    (tmp_path / "Ann").mkdir()
    (tmp_path / "Ann" / "a.txt").write_text("x")
    with pytest.raises(UserError, match=r"found no image under .*; 1 file there is not a readable image"):
        read_folder(tmp_path)


@pytest.mark.parametrize("as_pixels", [False, True])
def test_an_array_gives_the_pixels_of_its_folder(faces_dir: Path, tmp_path: Path, as_pixels: bool):
    images = read_folder(faces_dir)
    write_array(tmp_path / "faces.npz", images, GEOMETRY if as_pixels else None)
    found = read_array(tmp_path / "faces.npz")
    assert found.storage == ("pixels" if as_pixels else "encoded")
    assert found.keys() == images.keys()
    expected = decode_all(images, GEOMETRY, loader="pillow")
    decoding = CropGeometry(GEOMETRY.stored_side) if as_pixels else GEOMETRY
    np.testing.assert_array_equal(decode_all(found, decoding, loader="pillow"), expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "faces.npz"]


def saved(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


PIXELS = np.zeros((3, 8, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (dict(pixels=PIXELS), "found the arrays pixels"),
        (dict(pixels=PIXELS, labels=[0, 1], names=["a", "b"]), r"uint8\[2, height"),
        (dict(pixels=PIXELS / 255, labels=[0, 1, 1], names=["a", "b"]), "`pixels` is float64"),
        (dict(pixels=PIXELS, labels=[0, 1, 2], names=["a", "b"]), "from 0 to 2, but there are 2 `names`"),
        (dict(pixels=PIXELS, labels=[0.5, 1, 1], names=["a", "b"]), "expected integers"),
        (dict(labels=[0, 1], names=["a", "b"]), "either `pixels`"),
        (
            dict(encoded=np.zeros(4, np.uint8), offsets=[0, 9], labels=[0], names=["a"]),
            "`offsets` must be 2 non-decreasing",
        ),
        (dict(encoded=np.zeros(4, np.uint8), offsets=[0, 4], labels=[0], names=["a"]), "none of its 1 images"),
    ],
)
def test_an_array_of_another_layout_is_reported(tmp_path: Path, arrays: dict, words: str):
    with pytest.raises(UserError, match=words):
        read_array(saved(tmp_path / "a.npz", **arrays))


def test_a_file_that_is_not_an_array_set_is_reported_and_nothing_is_unpickled(tmp_path: Path):
    with pytest.raises(UserError, match="found no file"):
        read_array(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(UserError, match="not a readable"):
        read_array(tmp_path / "text.npz")
    crafted = saved(tmp_path / "objects.npz", labels=np.array([print], object), names=["a"])
    with pytest.raises(UserError, match="not a readable"):
        read_array(crafted)


def in_order(step: int) -> np.ndarray:
    return np.arange(3 * step, 3 * step + 3) % 6


def test_both_loaders_give_the_same_batches_in_the_order_of_steps(faces_dir: Path):
    images = read_folder(faces_dir)
    batches = {
        loader: list(stream(images, in_order, start=1, stop=5, geometry=GEOMETRY, loader=loader))
        for loader in ("pillow", "tfdata")
    }
    everything = decode_all(images, GEOMETRY, loader="pillow")
    for step, (ours, theirs) in enumerate(zip(*batches.values(), strict=True), start=1):
        assert ours.shape == (3, 24, 24, 3)
        assert ours.dtype == theirs.dtype == np.uint8
        np.testing.assert_array_equal(ours, everything[in_order(step)])
        # The two JPEG decoders differ most where colours change quickly, and each rounds twice.
        difference = np.abs(ours.astype(int) - theirs)
        assert difference.max() <= 12
        assert difference.mean() < 2


def test_a_file_that_disappears_is_named_by_both_loaders(faces_dir: Path):
    images = read_folder(faces_dir)
    (faces_dir / "Ann_Lee" / "Ann_Lee_0002.jpg").unlink()
    for loader in ("pillow", "tfdata"):
        with pytest.raises(UserError, match="Ann_Lee_0002"):
            list(stream(images, in_order, start=0, stop=2, geometry=GEOMETRY, loader=loader))


def test_decoded_pixels_of_the_right_size_are_returned_unchanged(faces_dir: Path):
    images = read_folder(faces_dir)
    pixels = decode_all(images, GEOMETRY, loader="pillow")
    import dataclasses

    stored = dataclasses.replace(images, images=pixels, storage="pixels")
    (batch,) = stream(stored, in_order, start=1, stop=2, geometry=CropGeometry(24), loader="pillow")
    np.testing.assert_array_equal(batch, pixels[in_order(1)])


def test_the_crop_is_the_centred_square():
    image = np.zeros((100, 120, 3), np.uint8)
    image[20:80, 30:90] = 255  # the central 60
    from lfw_jax.data.decoding.decoder import decode

    assert (decode(image, CropGeometry(30, 0.6)) == 255).mean() > 0.85
    assert decode(image, CropGeometry(30, 0.6))[3:-3, 3:-3].min() == 255
    around = decode(image, CropGeometry(30, 0.6, 5))
    assert around.shape == (40, 40, 3)
    assert around[:4].max() < 20


@pytest.mark.parametrize(
    ("source", "words"), [("web", "lfw, folder, synthetic, array"), ("folder", "--config.data.dir")]
)
def test_unknown_sources_and_missing_folders_are_reported(tmp_path: Path, source: str, words: str):
    with pytest.raises(UserError, match=words):
        read_source({"source": source, "dir": ""}, tmp_path)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Serve an archive in LFW's layout on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    served = tmp_path / "served"
    served.mkdir()
    with tarfile.open(served / "lfw.tgz", "w:gz") as archive:
        for number in (1, 2):
            data = io.BytesIO()
            picture(number).save(data, "JPEG")
            entry = tarfile.TarInfo(f"lfw/Ann_Lee/Ann_Lee_{number:04d}.jpg")
            entry.size = data.tell()
            data.seek(0)
            archive.addfile(entry, data)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    content = (served / "lfw.tgz").read_bytes()
    yield Archive(f"http://127.0.0.1:{server.server_port}/lfw.tgz", len(content), hashlib.sha256(content).hexdigest())
    server.shutdown()
    server.server_close()


# tensorflow-datasets leaves its download connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_lfw_is_downloaded_once_through_tensorflow_datasets(tmp_path: Path, mirror: Archive):
    folder = fetch_lfw(tmp_path / "tfds", mirror)
    found = read_folder(folder)
    assert found.keys() == [("Ann_Lee", 1), ("Ann_Lee", 2)]
    (tmp_path / "served" / "lfw.tgz").unlink()
    assert fetch_lfw(tmp_path / "tfds", mirror) == folder


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("fault", ["other content", "no server"])
def test_an_archive_that_cannot_be_downloaded_names_the_alternatives(tmp_path: Path, mirror: Archive, fault: str):
    import dataclasses

    if fault == "other content":
        archive = dataclasses.replace(mirror, sha256="0" * 64)
    else:
        archive = dataclasses.replace(mirror, url="http://127.0.0.1:9/lfw.tgz")
    with pytest.raises(UserError) as caught:
        fetch_lfw(tmp_path / "tfds", archive)
    assert "--config.data.dir" in str(caught.value)
    assert "quickstart" in str(caught.value)


@pytest.mark.parametrize("below", [".", "inner/folder"])
@pytest.mark.parametrize(("source", "tfds"), [("lfw", ""), ("tfds", "lfw:0.1.1/train")])
def test_a_file_as_the_folder_of_tensorflow_datasets_is_one_sentence(
    tmp_path: Path, below: str, source: str, tfds: str
):
    (tmp_path / "faces.npz").touch()
    config = dict(source=source, tfds=tfds, dir=str(tmp_path / "faces.npz" / below))
    with pytest.raises(UserError, match=r"--config\.data\.dir: .*faces\.npz is a file; expected a folder.*source"):
        read_source(config, tmp_path)
