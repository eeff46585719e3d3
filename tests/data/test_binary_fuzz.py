"""Damaged RecordIO sets, `.bin` sets and `.npz` files: each is read or refused with a message, in little time and memory.

`pytest -m slow tests/data/test_binary_fuzz.py` reads 10,200 of them; a normal run reads 600.
"""

import pickle
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.data.formats.array import read_array, write_array
from lfw_jax.data.formats.verification_bin import read_verification_bin
from lfw_jax.data.images import ImageSet
from lfw_jax.data.records.reading import read_records
from lfw_jax.data.records.writing import write_records
from lfw_jax.errors import UserError
from tests.data.noise_images import jpeg

SECONDS, BYTES = 5.0, 16e6  # of processor time and of memory that one damaged file may cost; the files have a few KB
MAGIC = bytes.fromhex("0a23d7ce")


IMAGES = [jpeg(i, 12, quality=20) for i in range(4)]
IMAGES[1] += b"\0" * (-len(IMAGES[1]) % 4) + MAGIC + b"more"  # a record in two parts
SET = ImageSet(("Ann", "王 芳"), np.array([0, 0, 1, 1], np.int32), np.array([1, 2, 2, 5]), IMAGES, "encoded")
PIXELS = np.random.default_rng(0).integers(0, 256, (4, 9, 9, 3), np.uint8)

Files = dict[str, bytes]


def records(folder: Path) -> list[Files]:
    write_records(folder / "rec", SET)
    whole = {path.name: path.read_bytes() for path in (folder / "rec").iterdir()}
    return [whole, {"train.rec": whole["train.rec"]}]


def verification_sets(folder: Path) -> list[Files]:  # noqa: ARG001
    same = [True, False]
    values = [
        (2, (IMAGES, same)), (4, (IMAGES, same)), (2, ([np.frombuffer(image, np.uint8) for image in IMAGES], np.array(same))),
        (5, ([np.frombuffer(image, np.uint8) for image in IMAGES], [np.bool_(one) for one in same])), (5, (PIXELS, same)),
    ]  # fmt: skip
    return [{"a.bin": pickle.dumps(value, protocol=protocol)} for protocol, value in values]


def arrays(folder: Path) -> list[Files]:
    write_array(folder / "encoded.npz", SET)
    people = dict(labels=SET.labels, names=np.array(SET.names))
    np.savez_compressed(folder / "packed.npz", pixels=PIXELS, **people)
    np.savez(folder / "pixels.npz", pixels=np.tile(PIXELS, (1, 40, 30, 1)), numbers=SET.numbers, **people)  # is mapped
    return [{"a.npz": (folder / f"{name}.npz").read_bytes()} for name in ("encoded", "packed", "pixels")]


KINDS: dict[str, tuple[Callable[[Path], list[Files]], Callable[[Path], ImageSet]]] = {
    "rec": (records, read_records),
    "bin": (verification_sets, lambda folder: read_verification_bin(folder / "a.bin")[0]),
    "npz": (arrays, lambda folder: read_array(folder / "a.npz")),
}

WORDS = (0, 1, 2, 24, 2**16, 2**29 - 1, 2**29, 2**31 - 1, 2**31, 2**32 - 1, int.from_bytes(MAGIC, "little"))
POSITION = st.integers(0, 2**20)
CHANGE = st.one_of(
    st.tuples(st.just("byte"), POSITION, st.integers(0, 255)),
    st.tuples(st.just("bit"), POSITION, st.integers(0, 7)),
    st.tuples(st.just("word"), POSITION, st.sampled_from(WORDS)),
    st.tuples(st.just("long"), POSITION, st.sampled_from((2**40, 2**62, 2**63, 2**64 - 1))),
    st.tuples(st.just("cut"), POSITION, st.just(0)),
    st.tuples(st.just("remove"), POSITION, st.integers(1, 40)),
    st.tuples(st.just("repeat"), POSITION, st.integers(1, 400)),
    st.tuples(st.just("insert"), POSITION, st.binary(min_size=1, max_size=9)),
    st.tuples(st.just("move"), POSITION, st.integers(1, 200)),
)
# The index of the intact set, and for each change the index of its file and the change.
DAMAGE = st.tuples(st.integers(0, 59), st.lists(st.tuples(st.integers(0, 11), CHANGE), min_size=1, max_size=5))


def changed(content: bytes, change: tuple[str, int, int | bytes]) -> bytes:
    kind, position, value = change
    position %= len(content) + 1
    before, after = content[:position], content[position:]
    if isinstance(value, bytes):
        return before + value + after
    if kind == "byte":
        return before + bytes([value]) + after[1:]
    if kind == "bit":
        return before + bytes(byte ^ 1 << value for byte in after[:1]) + after[1:]
    if kind == "word":
        position -= position % 4
        return content[:position] + struct.pack("<I", value) + content[position + 4 :]
    if kind == "long":
        return before + struct.pack("<Q", value) + after[8:]
    if kind == "cut":
        return before
    if kind == "remove":
        return before + after[value:]
    if kind == "repeat":
        return before + after[:value] * 2 + after[value:]
    return after[:value] + before + after[value:]


def read(folder: Path, reader: Callable[[Path], ImageSet]) -> bool:
    """Read a set and all its images; return false if it was refused with a message of one line."""
    refusal = ""
    try:
        found = reader(folder)
        assert len(found) > 0
        assert found.labels.min() >= 0
        assert found.labels.max() < len(found.names)
        assert found.numbers.min() >= 0
        assert len(found.where(np.arange(len(found))[::-1])) == len(found)
        "".join(found.names).encode()
        for skipped in found.skipped:
            assert skipped.path
            assert skipped.reason
        for position in range(len(found)):
            image = found.images[position]
            assert len(image)
    except UserError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert not refusal or str(folder) in refusal
    return not refusal


def fuzz(kind: str, folder: Path, examples: int) -> tuple[float, float, int]:
    """Return the most processor seconds and bytes that a damaged set took, and the count of readable sets."""
    make, reader = KINDS[kind]
    intact = make(folder)
    worst, good = [0.0, 0.0], []
    for files in intact:  # these must be readable
        (folder / "good").mkdir(exist_ok=True)
        for path in (folder / "good").iterdir():
            path.unlink()
        for name, content in files.items():
            (folder / "good" / name).write_bytes(content)
        assert len(reader(folder / "good")) == 4
    damaged = folder / "damaged"
    damaged.mkdir()

    @settings(max_examples=examples, deadline=None)
    @given(DAMAGE)
    def damage(sampled: tuple) -> None:
        chosen, changes = sampled
        files = dict(intact[chosen % len(intact)])
        names = sorted(files)
        for position, change in changes:
            name = names[position % len(names)]
            files[name] = changed(files[name], change)
        for path in damaged.iterdir():
            path.unlink()
        for name, content in files.items():
            (damaged / name).write_bytes(content)
        tracemalloc.start()
        started = time.process_time()
        try:
            good.append(read(damaged, reader))
            worst[0] = max(worst[0], time.process_time() - started)
            worst[1] = max(worst[1], tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert worst[0] < SECONDS
        assert worst[1] < BYTES

    damage()
    # Damage that makes all sets unreadable, or none, would test little.
    assert 0.01 < np.mean(good) < 0.99
    return worst[0], worst[1], sum(good)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused_with_a_message(kind: str, tmp_path: Path):
    fuzz(kind, tmp_path, 200)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_damaged_files_are_read_or_refused_with_a_message(kind: str, tmp_path: Path):
    import resource

    started = time.process_time()
    seconds, most, good = fuzz(kind, tmp_path, 3_400)
    spent, peak = time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{kind}: 3,400 damaged sets, {good:,} of them readable, in {spent:.0f} s of processor time.")
    print(f"The most for one: {1000 * seconds:.0f} ms, {most / 1e6:.1f} MB. Peak of the process: {peak:.0f} MB.")
