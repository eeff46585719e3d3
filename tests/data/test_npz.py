"""`.npz` files that claim more than they hold, hold Python objects, or are larger than the memory to be used."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.formats.array import read_array, write_array
from lfw_jax.data.formats.npz import NpzError, read_npz, write_npz
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from tests.data.noise_images import jpeg


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def npy(shape: tuple[int, ...], content: bytes, descr: str = "|u1") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path, save):
    rng = np.random.default_rng(0)
    arrays = {
        "large": rng.integers(0, 256, (200, 100, 100, 3), np.uint8),
        "columns": np.asfortranarray(rng.normal(size=(30, 20))),
        "large columns": np.asfortranarray(rng.integers(0, 9, (2000, 600), np.uint16)),
        "names": np.array(["Ćira", "王 芳"]),
        "one": np.int16(5),
        "empty": np.zeros((0, 4)),
    }
    save(tmp_path / "a.npz", **arrays)
    found = read_npz(tmp_path / "a.npz", [*arrays, "absent"])
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert isinstance(found["large"], np.memmap) == (save is np.savez)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (npy((1 << 50,), b"x"), "claims uint8.*1,125,899,906,842,624 bytes, but holds 1"),
        (npy((1 << 62, 1 << 62), b""), "bytes, but holds 0"),
        (npy((5,), b"1234"), "5 bytes, but holds 4"),
        (npy((-1,), b"x"), r"claims|not a NumPy array"),
        (npy((1,), b"x" * 8, "|O"), "holds Python objects, which are never unpickled"),
        (npy((1,), b"", "|V0"), "claims to be|not a NumPy array"),
        (b"hello", "is not a NumPy array"),
        (b"", "is not a NumPy array"),
        (b"\x93NUMPY\x09\0", "is not a NumPy array"),
    ],
)
def test_an_array_that_claims_what_it_does_not_hold_is_refused(tmp_path: Path, member: bytes, words: str):
    path = archive(tmp_path / "a.npz", {"x.npy": member})
    tracemalloc.start()
    with pytest.raises(NpzError, match=words):
        read_npz(path, ["x"])
    assert tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_an_array_that_decompresses_to_a_hundred_times_its_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lfw_jax.data.formats.npz._UNPACKED_LIMIT", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(20 << 20, np.uint8))
    tracemalloc.start()
    with pytest.raises(NpzError, match=r"would decompress from [\d,]+ to 20,971,520 bytes"):
        read_npz(tmp_path / "a.npz", ["x"])
    assert tracemalloc.get_traced_memory()[1] < 4e6
    tracemalloc.stop()


def test_a_file_that_is_not_an_archive_is_refused(tmp_path: Path):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 and more")
    with pytest.raises(NpzError):
        read_npz(tmp_path / "a.npz", ["x"])
    with pytest.raises(OSError, match="No such file"):
        read_npz(tmp_path / "none.npz", ["x"])


def test_pieces_that_are_not_as_long_as_announced_are_refused(tmp_path: Path):
    write_npz(tmp_path / "a.npz", {"x": np.arange(3)}, {"y": (4, [b"ab", b"cd"])})
    with np.load(tmp_path / "a.npz") as found:
        assert bytes(found["y"]) == b"abcd"
        assert found["x"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="`y`: found 2 bytes, expected the announced 4"):
        write_npz(tmp_path / "b.npz", {}, {"y": (4, [b"ab"])})


FILES = [jpeg(i) for i in range(3)]
JOINED = np.frombuffer(b"".join(FILES), np.uint8)
OFFSETS = np.cumsum([0, *map(len, FILES)])
GOOD = dict(encoded=JOINED, offsets=OFFSETS, labels=[0, 1, 1], names=["a", "b"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (dict(numbers=[1, 2]), r"`numbers` is int64\[2\], expected integers \[3\]"),
        (dict(numbers=[1.0, 2.0, 3.0]), "`numbers` is float64"),
        (dict(numbers=[1, 2, 2**40]), "`numbers` range from 1 to 1099511627776"),
        (dict(numbers=[1, -2, 3]), "`numbers` range from -2"),
        (dict(names=["a", "a"]), "`names` contains 'a' twice"),
        (dict(names=[1, 2]), r"`names` is int64\[2\], expected strings"),
        (dict(names=[["a", "b"]]), "expected strings"),
        (dict(offsets=OFFSETS.astype(float)), "`offsets` float64"),
        (dict(offsets=OFFSETS[::-1]), "`offsets` must be 4 non-decreasing positions"),
        (dict(offsets=np.array([0, 50, 20, len(JOINED)])), "`offsets` must be 4 non-decreasing positions"),
        (dict(offsets=np.array([0, 2**63, 5, len(JOINED)], np.uint64)), "`offsets` must be 4 non-decreasing"),
        (dict(encoded=JOINED.astype(np.int16)), "`encoded` is int16"),
        (dict(labels=np.array([0, 1, 2**63], np.uint64)), "from 0 to 9223372036854775808"),
        (dict(pixels=np.zeros((3, 0, 8, 3), np.uint8)), "at least one pixel"),
    ],
)
def test_a_set_whose_arrays_do_not_fit_is_reported(tmp_path: Path, changes: dict, words: str):
    np.savez(tmp_path / "a.npz", **(GOOD | changes))
    with pytest.raises(UserError, match=words):
        read_array(tmp_path / "a.npz")


def test_names_that_are_not_text_are_reported(tmp_path: Path):
    for character in (0x110000, 0xD800):
        names = np.array([character, 97], "<u4").view("<U1")
        np.savez(tmp_path / "a.npz", **(GOOD | dict(names=names)))
        with pytest.raises(UserError, match="`names` contains invalid text"):
            read_array(tmp_path / "a.npz")


def test_encoded_images_stay_in_the_file(tmp_path: Path):
    count = 400
    image = jpeg(0) + b"\0" * 20_000
    images = ImageSet(
        ("a",), np.zeros(count, np.int32), np.arange(1, count + 1, dtype=np.int32), [image] * count, "encoded"
    )
    tracemalloc.start()
    write_array(tmp_path / "a.npz", images)
    written = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    found = read_array(tmp_path / "a.npz")
    read = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(image) * count > 8e6
    assert written < 2e6
    assert read < 2e6
    assert found.images[399] == jpeg(0) + b"\0" * 20_000
    assert len(found) == count


def test_a_broken_image_is_skipped_and_the_others_keep_their_numbers(tmp_path: Path):
    joined = JOINED.copy()
    joined[OFFSETS[1] : OFFSETS[1] + 8] = 0
    np.savez(tmp_path / "a.npz", **(GOOD | dict(encoded=joined)))
    found = read_array(tmp_path / "a.npz")
    assert found.keys() == [("a", 1), ("b", 2)]
    assert list(found.images) == [FILES[0], FILES[2]]
    assert [item.path.rpartition(" ")[2] for item in found.skipped] == ["1"]
