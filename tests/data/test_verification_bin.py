"""InsightFace's `.bin` sets, pickled in every way that occurs."""

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.formats.verification_bin import read_verification_bin, write_verification_bin
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.errors import UserError
from tests.data.noise_images import jpeg, noise

IMAGES, SAME = [jpeg(i) for i in range(6)], [True, False, True]
AS_ARRAYS = [np.frombuffer(image, np.uint8) for image in IMAGES]
FLAGS = {
    "bools": SAME,
    "array": np.array(SAME),
    "numpy bools": [np.bool_(flag) for flag in SAME],
    "numbers": [1, 0, 1],
    "array of numbers": np.array([1, 0, 1]),
    "array of large-endian numbers": np.array([1, 0, 1], ">i4"),
    "floats": [1.0, 0.0, 1.0],
    "numpy floats": [np.float32(1), np.float64(0), np.float32(1)],
    "array of floats": np.array([1.0, 0.0, 1.0]),
}


def written(folder: Path, value: object, protocol: int) -> Path:
    path = folder / "lfw.bin"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("images", [IMAGES, AS_ARRAYS, [image.copy() for image in AS_ARRAYS], tuple(IMAGES),
                                    [image[:, None] for image in AS_ARRAYS], [image[None] for image in AS_ARRAYS]],
                         ids=["bytes", "arrays", "writable arrays", "tuple", "columns", "rows"])  # fmt: skip
@pytest.mark.parametrize("flags", FLAGS)
def test_a_set_is_read_as_it_was_pickled(tmp_path: Path, protocol: int, images: object, flags: str):
    found, pairs = read_verification_bin(written(tmp_path, (images, FLAGS[flags]), protocol))
    assert list(found.images) == IMAGES
    assert found.storage == "encoded"
    assert pairs.same.tolist() == SAME
    assert pairs.name == "lfw"


def test_pairs_are_named_by_index_and_two_identities_get_two_names(tmp_path: Path):
    found, pairs = read_verification_bin(written(tmp_path, (IMAGES, SAME), 4))
    assert found.names == ("pair 0001", "pair 0002", "pair 0002 other", "pair 0003")
    assert pairs.first == (("pair 0001", 1), ("pair 0002", 1), ("pair 0003", 1))
    assert pairs.second == (("pair 0001", 2), ("pair 0002 other", 1), ("pair 0003", 2))
    assert found.keys() == [key for pair in zip(pairs.first, pairs.second, strict=True) for key in pair]


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("one_array", [False, True])
def test_pixels_are_read_too(tmp_path: Path, protocol: int, one_array: bool):
    stack = np.stack([noise(i) for i in range(6)])
    found, pairs = read_verification_bin(written(tmp_path, (stack if one_array else list(stack), SAME), protocol))
    assert found.storage == "pixels"
    np.testing.assert_array_equal(found.images, stack)
    assert len(pairs) == 3


def test_a_pickle_of_python_2_is_read(tmp_path: Path):
    """Protocol 2 as Python 2 writes it: text opcodes for bytes, and NumPy's modules under their old names."""
    array = IMAGES[0]
    shape = b"M" + struct.pack("<H", len(array)) + b"\x85"
    as_array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03(K\x01" + shape
        + b"cnumpy\ndtype\nq\x04U\x02u1K\x00K\x01\x87Rq\x05(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + b"T" + struct.pack("<i", len(array)) + array + b"tb"
    )  # fmt: skip
    strings = b"".join(b"T" + struct.pack("<i", len(image)) + image + b"q\x07" for image in IMAGES[1:4])
    content = b"\x80\x02]q\x00(" + as_array + strings + b"e]q\x08(\x88\x89e\x86q\x09."
    images, flags = pickle.loads(content, encoding="bytes")  # Python's own unpickler reads it too
    assert images[0].tobytes() == IMAGES[0]
    assert flags == [True, False]
    (tmp_path / "a.bin").write_bytes(content)
    found, pairs = read_verification_bin(tmp_path / "a.bin")
    assert list(found.images) == IMAGES[:4]
    assert pairs.same.tolist() == [True, False]


def test_an_image_in_several_pairs_may_be_stored_once_and_is_then_once_in_the_set(tmp_path: Path):
    stored = [IMAGES[0], IMAGES[1], IMAGES[0], IMAGES[2]]
    found, pairs = read_verification_bin(written(tmp_path, (stored, [True, False]), 4))
    assert list(found.images) == IMAGES[:3]
    assert found.keys() == [("pair 0001", 1), ("pair 0001", 2), ("pair 0002 other", 1)]
    sides = zip(*(found.indices(side).tolist() for side in (pairs.first, pairs.second)), strict=True)
    assert [found.images[index] for pair in sides for index in pair] == stored
    assert pairs.same.tolist() == [True, False]


def test_a_pair_with_an_unreadable_image_is_left_out_and_reported(tmp_path: Path):
    images = [*IMAGES[:2], IMAGES[2], b"<html>", *IMAGES[4:]]
    found, pairs = read_verification_bin(written(tmp_path, (images, SAME), 4))
    assert pairs.first == (("pair 0001", 1), ("pair 0003", 1))
    assert pairs.same.tolist() == [True, True]
    assert list(found.of_keys(pairs.keys()).images) == [*IMAGES[:2], *IMAGES[4:]]
    assert [(item.path, item.reason) for item in found.skipped] == [(f"{tmp_path}/lfw.bin image 3", "not an image")]
    with pytest.raises(UserError, match="none of its 3 pairs can be read; the first: not an image"):
        read_verification_bin(written(tmp_path, ([b"x"] * 6, SAME), 4))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ((IMAGES[:5], SAME), "found 5 images and 3 issame flags"),
        (([], []), "found 0 images and 0 issame flags"),
        ((IMAGES, [True, None, False]), "an issame flag for pair 1 that is neither true nor false"),
        ((IMAGES, [True, 2, False]), "an issame flag for pair 1 that"),
        ((IMAGES, np.array([0.5, 1, 0])), "an issame flag for pair 0 that"),
        ((IMAGES, [1.0, 0.5, 0.0]), "an issame flag for pair 1 that"),
        ((IMAGES, [1.0, 0.0, float("nan")]), "an issame flag for pair 2 that"),
        (([*IMAGES[:5], np.zeros((2, 9), np.uint8)], SAME), "found an array for image 5"),
        ((IMAGES, np.ones((3, 1), bool)), r"issame flags of shape \[3, 1\]"),
        ((IMAGES, SAME, SAME), "found a tuple"),
        (IMAGES, "found a list"),
        (5, "found a value of type int"),
        (([*IMAGES[:5], "text"], SAME), "found a text for image 5"),
        (([*IMAGES[:5], np.zeros(3)], SAME), "found an array for image 5"),
        (([noise(0), noise(1)[:8]], [True]), "found another size or type for image 1"),
        ((np.zeros((6, 4)), SAME), r"found an array float64\[6, 4\] of images"),
        ({"images": IMAGES}, r"the opcode b'}'"),
        ((set(), SAME), "which is not allowed in a pickle of images"),
    ],
)
def test_a_pickle_of_something_else_is_reported(tmp_path: Path, value: object, words: str):
    with pytest.raises(UserError, match=words):
        read_verification_bin(written(tmp_path, value, 4))


def test_a_file_that_is_not_a_pickle_or_is_cut_off_is_reported(tmp_path: Path):
    with pytest.raises(UserError, match="found no such file"):
        read_verification_bin(tmp_path / "none.bin")
    path = written(tmp_path, (IMAGES, SAME), 4)
    content = path.read_bytes()
    for words, text in (("cut off: expected 1 bytes more", b""), ("the opcode b'<'", b"<html>"), ("cut off", content[:-3]),
                        ("the file is cut off", content[:700])):  # fmt: skip
        path.write_bytes(text)
        with pytest.raises(UserError, match=words):
            read_verification_bin(path)


def test_an_image_referenced_many_times_is_checked_once(tmp_path: Path):
    image = IMAGES[0]
    many = 40_000
    images = b"](C" if len(image) < 256 else b"](B" + struct.pack("<I", len(image))
    content = (
        b"\x80\x04" + images + image + b"q\x01" + b"h\x01" * (many - 1) + b"e](" + b"\x88" * (many // 2) + b"e\x86."
    )
    (tmp_path / "a.bin").write_bytes(content)
    found, pairs = read_verification_bin(tmp_path / "a.bin")
    assert len(pairs) == many // 2
    assert list(found.images) == [image]  # decoded, the 40,000 would take 10,000 times the bytes of the file
    assert set(pairs.first + pairs.second) == {("pair 00001", 1)}


def test_pixels_referenced_many_times_are_refused(tmp_path: Path):
    path = written(tmp_path, ([noise(0)] * 2000, [True] * 1000), 4)
    with pytest.raises(UserError, match="the same pixels in many images"):
        read_verification_bin(path)


def pair_list(same: list[bool], first: list, second: list) -> PairList:
    return PairList(tuple(first), tuple(second), np.array(same), "test")


def test_written_pairs_are_read_by_any_unpickler_and_by_the_reader(tmp_path: Path):
    images = ImageSet(("a", "王 芳"), np.array([0, 0, 1], np.int32), np.array([1, 3, 1]), IMAGES[:3], "encoded")
    pairs = pair_list([True, False], [("a", 3), ("王 芳", 1)], [("a", 1), ("a", 3)])
    write_verification_bin(tmp_path / "out.bin", images, pairs)
    content, same = pickle.loads((tmp_path / "out.bin").read_bytes())
    assert content == [IMAGES[1], IMAGES[0], IMAGES[2], IMAGES[1]]
    assert same == [True, False]
    assert type(same[0]) is bool
    found, listed = read_verification_bin(tmp_path / "out.bin")
    assert list(found.images) == content
    assert listed.same.tolist() == same
    assert [file.name for file in tmp_path.iterdir()] == ["out.bin"]


def test_an_image_that_is_missing_is_named_and_nothing_written(tmp_path: Path):
    images = ImageSet(("a",), np.zeros(2, np.int32), np.array([1, 2]), IMAGES[:2], "encoded")
    with pytest.raises(UserError, match="test names image 4 of b, which is missing"):
        write_verification_bin(tmp_path / "out.bin", images, pair_list([False], [("a", 1)], [("b", 4)]))
    assert not list(tmp_path.iterdir())


def test_a_list_of_lfw_is_packed_byte_for_byte(lfw_dir: Path, tmp_path: Path):
    from lfw_jax.data.protocols.lfw_lists import read_pairs

    links = tmp_path / "lfw"
    links.mkdir()
    pairs = read_pairs(lfw_dir / "pairsDevTest.txt")
    few = pair_list(pairs.same[490:510].tolist(), pairs.first[490:510], pairs.second[490:510])
    for name in few.identities():
        (links / name).symlink_to(lfw_dir / name)
    write_verification_bin(tmp_path / "few.bin", read_folder(links), few)
    content, same = pickle.loads((tmp_path / "few.bin").read_bytes())
    assert same == few.same.tolist()
    for pair, keys in enumerate(zip(few.first, few.second, strict=True)):
        for side, (name, number) in enumerate(keys):
            assert content[2 * pair + side] == (lfw_dir / name / f"{name}_{number:04d}.jpg").read_bytes()
