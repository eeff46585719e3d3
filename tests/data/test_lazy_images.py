"""Lazy image sets: views stay views, look-ups need no dictionary of images, and memory stays small."""

import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.data.images import ImageSet, count_up
from lfw_jax.data.storage import Chosen, LazyImages, PackedBytes, PackedPaths


class Counted(LazyImages[bytes]):
    """Images that count their creations."""

    def __init__(self, count: int):
        self.made, self._count = 0, count

    def __len__(self) -> int:
        return self._count

    def _image(self, index: int) -> bytes:
        self.made += 1
        return b"%d" % index


def lazy_set(people: int, each: int) -> tuple[ImageSet, Counted]:
    images = Counted(people * each)
    labels = np.repeat(np.arange(people, dtype=np.int32), each)
    return ImageSet(tuple(f"p{i:06d}" for i in range(people)), labels, count_up(labels), images, "encoded"), images


def test_selecting_images_reads_none_and_views_do_not_nest():
    everything, images = lazy_set(10, 4)
    some = everything.where(np.array([39, 0, 5, 6])).where(np.array([3, 0]))
    some = some.of_identities({"p000009"})
    assert images.made == 0
    assert isinstance(some.images, Chosen)
    assert some.images._images is images
    assert list(some.images) == [b"39"]
    assert some.keys() == [("p000009", 4)]
    assert images.made == 1


def test_a_lazy_sequence_is_indexed_as_a_list_is():
    images = Counted(5)
    assert images[-1] == b"4"
    assert images[np.int64(2)] == b"2"
    assert list(images[1::2]) == [b"1", b"3"]
    for wrong in (5, -6):
        with pytest.raises(IndexError, match="of 5"):
            images[wrong]


def test_chosen_images_can_be_read_by_many_threads():
    data = np.arange(256, dtype=np.uint8)
    packed = PackedBytes(data, np.arange(200), np.full(200, 7))
    view = Chosen(packed, np.arange(200)[::-1])
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda i: view[i], list(range(200)) * 5))
    assert found == [data[199 - i : 206 - i].tobytes() for i in range(200)] * 5


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7)), unique=True, min_size=1),
    st.data(),
)
def test_images_are_found_by_key_as_a_dictionary_finds_them(keys, data):
    labels, numbers = np.array(keys, np.int32).T
    people, labels = np.unique(labels, return_inverse=True)
    images = ImageSet(tuple(f"p{i}" for i in people), labels.astype(np.int32), numbers, Counted(len(keys)), "encoded")
    index_of = {key: index for index, key in enumerate(images.keys())}
    wanted = data.draw(st.lists(st.sampled_from(sorted(index_of))))
    assert images.indices(wanted).tolist() == [index_of[key] for key in wanted]
    assert [images.of_keys(wanted).keys()] == [wanted]
    numbers_of = {name: [n for who, n in index_of if who == name] for name in images.names}
    assert images.numbers_by_identity() == numbers_of
    absent = data.draw(
        st.tuples(st.sampled_from(["p0", "p3", "p9"]), st.integers(0, 9)).filter(lambda k: k not in index_of)
    )
    with pytest.raises(KeyError) as caught:
        images.of_keys([*wanted, absent])
    assert caught.value.args == (absent,)


def test_an_empty_set_finds_nothing():
    empty = lazy_set(3, 2)[0].where(np.zeros(0, np.int64))
    assert len(empty.of_keys([])) == 0
    assert empty.numbers_by_identity() == {}
    with pytest.raises(KeyError):
        empty.of_keys([("p000000", 1)])


def grown(make) -> tuple[object, int]:
    """Return the result of `make` and the bytes that are allocated for it."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        made = make()
        return made, tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_paths_take_the_bytes_of_their_names_and_eight_more():
    count = 200_000
    names = [f"Person_{i // 5:06d}/Person_{i // 5:06d}_{i % 5:04d}.jpg" for i in range(count)]
    letters = sum(map(len, names))
    paths, held = grown(lambda: PackedPaths("faces", names))
    assert paths[199_999] == Path("faces/Person_039999/Person_039999_0004.jpg")  # type: ignore[index]
    # Both buffers grow by an eighth at a time.
    assert held <= 1.13 * (letters + 8 * count) + 4096
    print(f"{held / count:.1f} bytes per path of {letters / count:.1f} characters")


@given(
    st.sampled_from(["", "faces", "faces/", "/", "/data/faces"]),
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
            st.sampled_from(["/elsewhere/a.jpg", "a b/ü.jpg", os.fsdecode(b"a/\xff.jpg")]),
        ),
        max_size=4,
    ),
)
def test_packed_paths_are_those_of_joining_them(root: str, names: list[str]):
    paths = PackedPaths(root, names)
    assert list(paths) == [Path(root, name) for name in names]
    assert list(paths.sources(np.arange(len(names)))) == [os.path.join(root, name) for name in names]


def test_a_view_of_a_set_takes_twelve_bytes_per_image():
    everything, images = lazy_set(2_000, 100)
    wanted = np.arange(0, 200_000, 2)
    view, held = grown(lambda: everything.where(wanted))
    assert held <= 12 * len(wanted) + 8 * 2_000 + 20_000  # label, number, index; the tuple of names
    assert images.made == 0
    assert len(view) == 100_000  # type: ignore[arg-type]


def test_numbers_of_people_create_no_object_per_image():
    everything, _ = lazy_set(2_000, 100)
    numbers, held = grown(everything.numbers_by_identity)
    assert numbers["p001999"] == list(range(1, 101))  # type: ignore[index]
    assert held < 400_000  # a dictionary of 2,000 names; 200,000 integers in lists would take 1.6 MB
