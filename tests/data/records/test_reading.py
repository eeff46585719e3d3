"""InsightFace's RecordIO sets, as its tools write them and damaged in every way."""

import io
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.decoding.file_formats import FORMATS
from lfw_jax.data.records import cache as cache_module
from lfw_jax.data.records import index as index_module
from lfw_jax.data.records import reading as reading_module
from lfw_jax.data.records.index import read_index
from lfw_jax.data.records.reading import Records, read_property, read_records
from lfw_jax.data.records.recordio import RecordFile, encode_record
from lfw_jax.errors import UserError
from tests.data.noise_images import jpeg, noise

MAGIC = bytes.fromhex("0a23d7ce")


def record(*labels: float, image: bytes = b"", number: int = 0, flag: int | None = None) -> bytes:
    """Return the payload of a record as MXNet packs it: one label in the header, several after it."""
    several = len(labels) != 1 or flag is not None
    header = struct.pack("<IfQQ", len(labels) if several else 0, 0.0 if several else labels[0], number, 0)
    return header + (struct.pack(f"<{len(labels)}f", *labels) if several else b"") + image


def write_set(folder: Path, records: dict[int, bytes], name: str = "train") -> Path:
    """Write a `.rec` and its `.idx` with the records in the given order."""
    folder.mkdir(exist_ok=True)
    content, lines = b"", ""
    for number, payload in records.items():
        lines += f"{number}\t{len(content)}\n"
        content += encode_record(payload)
    (folder / f"{name}.rec").write_bytes(content)
    (folder / f"{name}.idx").write_text(lines)
    return folder


def insightface(folder: Path) -> Path:
    """Write 3 identities with 2, 1 and 2 images as face2rec2 does: two labels per image, record 0 after the images."""
    labels = [0, 0, 1, 2, 2]
    records = {n: record(label, 1.0, image=jpeg(n), number=n) for n, label in enumerate(labels, start=1)}
    records[0] = record(6.0, 9.0)
    records |= {6: record(1.0, 3.0, number=6), 7: record(3.0, 4.0, number=7), 8: record(4.0, 6.0, number=8)}
    write_set(folder, records)
    (folder / "property").write_text("3,16,16")
    return folder


@pytest.mark.parametrize("by_file", [False, True])
def test_an_insightface_set_is_read_without_mxnet(tmp_path: Path, by_file: bool):
    folder = insightface(tmp_path / "faces")
    found = read_records(folder / "train.rec" if by_file else folder)
    assert found.names == ("0", "1", "2")
    assert found.keys() == [("0", 1), ("0", 2), ("1", 1), ("2", 1), ("2", 2)]
    assert list(found.images) == [jpeg(n) for n in range(1, 6)]
    assert found.storage == "encoded"
    assert len(found.skipped) == 0
    assert read_property(folder) == (3, 16, 16)


def test_a_plain_set_without_metadata_and_with_gaps_is_read(tmp_path: Path):
    write_set(tmp_path, {0: record(7, image=jpeg(1)), 5: record(7, image=jpeg(2)), 9: record(3, image=jpeg(3))}, "web")
    found = read_records(tmp_path)
    assert found.keys() == [("7", 1), ("7", 2), ("3", 1)]
    assert found.images[2] == jpeg(3)


def test_without_an_index_the_whole_file_is_scanned(tmp_path: Path):
    folder = insightface(tmp_path / "faces")
    with_index = read_records(folder)
    (folder / "train.idx").unlink()
    found = read_records(folder)
    assert found.keys() == with_index.keys()
    assert list(found.images) == list(with_index.images)
    content = (folder / "train.rec").read_bytes()
    third = list(RecordFile(folder / "train.rec").walk())[3]
    (folder / "train.rec").write_bytes(content[:third] + b"\0\0\0\0" + content[third + 4 :])
    broken = read_records(folder)
    assert len(broken) == 3
    assert len(broken.skipped) == 1
    assert "record 4 at byte" in broken.skipped[0].path
    assert "expected the magic number 0xced7230a; what comes after it" in broken.skipped[0].reason


def test_an_image_whose_bytes_hold_the_magic_comes_back(tmp_path: Path):
    image = jpeg(0) + MAGIC * 3 + b"\xff\xd9"
    image += b"\0" * (-len(image) % 4) + MAGIC
    write_set(
        tmp_path,
        {1: record(4, image=image), 2: record(4, 1.0, image=MAGIC + image), 3: record(MAGIC_LABEL, image=image)},
    )
    found = read_records(tmp_path)
    assert found.images[0] == image
    assert found.images[1] == MAGIC + image  # not checked further: the start of a record in parts is not contiguous
    assert found.names == ("4",)
    assert found.skipped[0].path.endswith("record 3 at byte " + found.skipped[0].path.rpartition(" ")[2])


# As a float32 the magic number is -1.8e9, which is no identity; as bytes of the header it splits the record there.
MAGIC_LABEL = struct.unpack("<f", MAGIC)[0]


@pytest.mark.parametrize("kind", [kind for kind in FORMATS if kind != "JPEG"])
def test_every_format_of_images_is_recognised_in_a_record(tmp_path: Path, kind: str):
    file = io.BytesIO()
    Image.fromarray(noise(0)).save(file, kind)
    write_set(tmp_path, {1: record(0, image=file.getvalue()), 2: record(0, 1.0, image=file.getvalue())})
    found = read_records(tmp_path)
    assert list(found.images) == [file.getvalue()] * 2


def test_a_truncated_file_yields_its_intact_images_and_counts_the_others(tmp_path: Path):
    folder = insightface(tmp_path / "faces")
    _, offsets = read_index(folder / "train.idx")
    content = (folder / "train.rec").read_bytes()
    (folder / "train.rec").write_bytes(content[: int(offsets[3]) + 100])
    found = read_records(folder)
    assert list(found.images) == [jpeg(1), jpeg(2), jpeg(3)]
    assert [item.path.rpartition("train.rec ")[2] for item in found.skipped[:2]] == [
        f"record 4 at byte {offsets[3]:,}",
        f"record 5 at byte {offsets[4]:,}",
    ]
    assert found.skipped[0].reason == "cut off: found 92 bytes to the end of the file, expected more"
    assert found.skipped[1].reason == f"past the end of the file, which has {offsets[3] + 100:,} bytes"
    assert len(found.skipped) == 6  # the metadata is past the end, too
    (folder / "train.rec").write_bytes(content[:50])
    with pytest.raises(UserError, match=r"none of its 9 records is an image, the first: .*record 1 at byte 0: cut off"):
        read_records(folder)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (record(-1, image=jpeg(0)), "found the label -1, expected a non-negative integer"),
        (record(0.5, image=jpeg(0)), "found the label 0.5"),
        (record(float("nan"), image=jpeg(0)), "found the label nan"),
        (record(3e9, image=jpeg(0)), "found the label 3e+09"),
        (struct.pack("<IIQQ", 0, 0x7F800001, 0, 0) + jpeg(0), "found the label nan"),  # a signalling NaN
        (record(1, image=b"hello"), "found b'hell', expected the start of a JPEG, PNG, BMP, GIF, PPM, TIFF"),
        (record(1, image=b"h"), "expected the start of a JPEG"),
        (b"short", "found 5 bytes, expected a header of 24 bytes and its labels"),
        (struct.pack("<IfQQ", 2**31, 0.0, 0, 0) + jpeg(0), "expected a header of 24 bytes and its labels"),
    ],
)
def test_a_record_without_a_labelled_image_is_skipped_with_the_reason(tmp_path: Path, payload: bytes, reason: str):
    write_set(tmp_path, {1: record(0, image=jpeg(1)), 2: payload, 3: record(0, image=jpeg(3))})
    found = read_records(tmp_path)
    assert list(found.images) == [jpeg(1), jpeg(3)]
    (skipped,) = found.skipped
    assert "record 2 at byte" in skipped.path
    assert reason in skipped.reason


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ("1 0\n", "line 1: found '1 0', expected `number<TAB>offset`"),
        ("1\t0\n2\t\n", "line 2: found '2"),
        ("1\t0\n\n2\t12\tx\n", "line 3"),
        ("1\t0\nx\n", "line 2: found 'x'"),
        ("1\t-4\n", "line 1: found '1\\\\t-4'"),
        ("1\t" + 19 * "9" + "\n", "line 1"),
        ("1\t0\n1\t12\n", "record 1 is listed twice"),
        ("1\t0\n2\t0\n", "offset 0 is listed twice"),
        ("", "found no line in it"),
        ("\n\n", "found no line in it"),
        ("1\t0\r\n\x002\t4\n", "line 2"),
    ],
)
def test_a_malformed_index_is_reported_with_its_line(tmp_path: Path, index: str, words: str):
    insightface(tmp_path)
    (tmp_path / "train.idx").write_bytes(index.encode())
    with pytest.raises(UserError, match=words):
        read_records(tmp_path)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("last", [True, False])
def test_an_index_is_parsed_across_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, last: bool):
    numbers = np.random.default_rng(0).permutation(500)
    offsets = np.random.default_rng(1).integers(0, 2**58, 500)
    text = ending.join(f"{n}\t{o}" for n, o in zip(numbers, offsets, strict=True)) + (ending if last else "")
    (tmp_path / "a.idx").write_bytes(text.encode())
    for chunk in (50, 1 << 22):
        monkeypatch.setattr(index_module, "_TEXT_CHUNK", chunk)
        found = read_index(tmp_path / "a.idx")
        np.testing.assert_array_equal(found, [numbers, offsets])


def test_an_offset_inside_a_record_is_skipped(tmp_path: Path):
    insightface(tmp_path)
    lines = (tmp_path / "train.idx").read_text().splitlines()
    lines[1], lines[2] = "2\t24", "3\t26"
    (tmp_path / "train.idx").write_text("\n".join(lines))
    found = read_records(tmp_path)
    assert len(found) == 3
    assert "expected the magic number" in found.skipped[0].reason
    assert found.skipped[1].reason == "found an offset that is not a multiple of 4, expected one"


def test_overlapping_records_do_not_take_forever(tmp_path: Path):
    # A record begins every eight bytes, and all of them share the same long tail of parts.
    starts = 3000
    content = b"".join(MAGIC + struct.pack("<I", 1 << 29 | 8 * (starts - i - 1)) for i in range(starts))
    content += (MAGIC + struct.pack("<I", 2 << 29)) * 20_000 + MAGIC + struct.pack("<I", 3 << 29)
    (tmp_path / "train.rec").write_bytes(content)
    (tmp_path / "train.idx").write_text("".join(f"{i}\t{8 * i}\n" for i in range(starts)))
    with pytest.raises(UserError, match="found overlapping records"):
        read_records(tmp_path)


def test_the_scan_of_a_record_keeps_no_more_of_it_the_more_parts_it_has(tmp_path: Path):
    peaks = []
    for parts in (1_000, 40_000):
        payload = record(5, image=jpeg(1))
        content = MAGIC + struct.pack("<I", 1 << 29 | len(payload)) + payload + b"\0" * (-len(payload) % 4)
        content += (MAGIC + struct.pack("<I", 2 << 29)) * parts + MAGIC + struct.pack("<I", 3 << 29)
        (tmp_path / f"{parts}.rec").write_bytes(content)
        file = RecordFile(tmp_path / f"{parts}.rec")
        tracemalloc.start()
        table = index_module.scan(file, np.zeros(1, np.int64))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (table.status.tolist(), table.labels.tolist()) == ([index_module.IMAGE], [5])
    # Every magic number that joins two parts was once copied for every part behind it.
    assert peaks[1] < peaks[0] + 20_000


def test_a_record_that_changes_after_opening_is_named_when_it_is_read(tmp_path: Path):
    insightface(tmp_path)
    found = read_records(tmp_path)
    _, offsets = read_index(tmp_path / "train.idx")
    with (tmp_path / "train.rec").open("r+b") as file:
        file.seek(int(offsets[3]))
        file.write(b"\0\0\0\0")
    with pytest.raises(UserError, match=rf"train\.rec: record 4 at byte {offsets[3]:,} cannot be read: .*0x00000000"):
        found.images[3]
    assert found.images[2] == jpeg(3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("three,16,16", "expected `identities,height,width`"),
        ("2,16,16", "announces 2 identities"),
        ("\x1c2,\x1c16,16", "announces 2 identities"),  # a separator that counts as a blank
    ],
)
def test_a_property_that_contradicts_the_set_is_reported(tmp_path: Path, text: str, words: str):
    insightface(tmp_path)
    (tmp_path / "property").write_text(text)
    with pytest.raises(UserError, match=words):
        read_records(tmp_path)


def test_a_folder_without_a_set_is_reported(tmp_path: Path):
    with pytest.raises(UserError, match=r"found no file at"):
        read_records(tmp_path / "none.rec")
    with pytest.raises(UserError, match=r"found no \.rec file in"):
        read_records(tmp_path)
    for name in ("a", "b"):
        write_set(tmp_path, {1: record(0, image=jpeg(1))}, name)
    with pytest.raises(UserError, match=r"found 2 \.rec files and no train\.rec"):
        read_records(tmp_path)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache_module, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(reading_module, "_CACHED_FROM", 1)
    return tmp_path / "cache"


def test_a_large_set_is_scanned_once_and_again_after_a_change(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = insightface(tmp_path / "faces")
    scans = []

    def counted(*arguments):
        scans.append(1)
        return index_module.scan(*arguments)

    monkeypatch.setattr(reading_module, "scan", counted)
    first = read_records(folder)
    again = read_records(folder)
    assert len(scans) == 1
    assert again.keys() == first.keys()
    assert list(again.images) == list(first.images)
    (entry,) = cache.iterdir()
    entry.write_bytes(entry.read_bytes()[:-200])
    read_records(folder)
    assert len(scans) == 2
    os.utime(folder / "train.rec", ns=(0, 0))
    read_records(folder)
    assert len(scans) == 3


def test_a_cache_that_cannot_be_written_is_skipped(cache: Path, tmp_path: Path):
    cache.write_text("a file in the way")
    assert len(read_records(insightface(tmp_path / "faces"))) == 5


def sparse_set(folder: Path, records: int, gap: int) -> Path:
    """Write a sparse `.rec` of `records · gap` bytes with an image every `gap` bytes."""
    image = encode_record(record(1, image=jpeg(1)))
    with (folder / "train.rec").open("wb") as file:
        for index in range(records):
            file.seek(index * gap)
            file.write(image)
        file.truncate(records * gap)
    (folder / "train.idx").write_text("".join(f"{n + 1}\t{n * gap}\n" for n in range(records)))
    return folder


def test_a_set_of_100_gigabytes_is_opened_and_read_without_its_bytes(tmp_path: Path):
    folder = sparse_set(tmp_path, 100, 1 << 30)
    assert (folder / "train.rec").stat().st_size == 100 * 2**30
    tracemalloc.start()
    found = read_records(folder)
    assert found.images[99] == jpeg(1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 100
    assert peak < 20e6


def test_an_open_set_takes_16_bytes_per_image(tmp_path: Path):
    count = 400_000
    sparse_set(tmp_path, count, 1024)
    read_records(tmp_path)  # to exclude what is imported and cached on first use
    tracemalloc.start(20)
    found = read_records(tmp_path)
    # Only what reading allocated: threads of earlier tests may still be running.
    ours = tracemalloc.Filter(True, "*lfw_jax*records*", all_frames=True)
    held = sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([ours]).traces)
    tracemalloc.stop()
    assert isinstance(found.images, Records)
    # Half a byte per image allows for constant overhead (20 to 100 kB, depending on what ran before).
    assert 16 * count <= held < 16.5 * count
