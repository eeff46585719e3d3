"""The RecordIO container: bytes derived by hand from the format, and every way in which a record can be damaged."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.data.records.recordio import LONGEST, RecordError, RecordFile, encode_record
from lfw_jax.errors import UserError

MAGIC = bytes.fromhex("0a23d7ce")


def written(folder: Path, *records: bytes) -> RecordFile:
    (folder / "a.rec").write_bytes(b"".join(records))
    return RecordFile(folder / "a.rec")


def test_a_record_is_magic_length_bytes_and_zeros_up_to_four():
    assert encode_record(b"hello") == bytes.fromhex("0a23d7ce 05000000 68656c6c6f 000000")
    assert encode_record(b"four") == bytes.fromhex("0a23d7ce 04000000 666f7572")
    assert encode_record(b"") == bytes.fromhex("0a23d7ce 00000000")


def test_a_record_is_split_where_it_contains_the_magic_at_a_multiple_of_four():
    # Parts 1 (first), 2 (middle) and 3 (last) in the top three bits; the magic between them is omitted.
    assert encode_record(b"AAAA" + MAGIC + b"B") == bytes.fromhex(
        "0a23d7ce 04000020 41414141   0a23d7ce 01000060 42 000000"
    )
    assert encode_record(MAGIC + MAGIC) == bytes.fromhex("0a23d7ce 00000020  0a23d7ce 00000040  0a23d7ce 00000060")
    assert encode_record(b"A" + MAGIC) == bytes.fromhex("0a23d7ce 05000000 41 0a23d7ce 000000")


@given(st.lists(st.lists(st.sampled_from([MAGIC, b"a", b"bc", b"wxyz", b"\0"]), max_size=8).map(b"".join), max_size=5))
def test_consecutive_records_are_read_back(tmp_path_factory: pytest.TempPathFactory, payloads: list[bytes]):
    encoded = [encode_record(payload) for payload in payloads]
    assert all(len(record) % 4 == 0 for record in encoded)
    if payloads:
        file = written(tmp_path_factory.mktemp("rec"), *encoded)
        offsets = list(file.walk())
        assert offsets == [sum(map(len, encoded[:i])) for i in range(len(encoded))]
        assert [file.payload(offset) for offset in offsets] == payloads


def test_a_record_longer_than_the_read_ahead_is_read_back(tmp_path: Path):
    payload = bytes(range(256)) * 100 + MAGIC + bytes(range(255)) * 100
    file = written(tmp_path, encode_record(b"before"), encode_record(payload), encode_record(b"after"))
    assert [file.payload(offset) for offset in file.walk()] == [b"before", payload, b"after"]


def head(kind: int, length: int) -> bytes:
    return MAGIC + struct.pack("<I", kind << 29 | length)


@pytest.mark.parametrize(
    ("content", "offset", "words"),
    [
        (b"\0" * 16, 0, "found 0x00000000, expected the magic number 0xced7230a"),
        (encode_record(b"a"), 2, "at byte 2: found no record, expected one at a multiple of 4"),
        (encode_record(b"a"), 12, "in a file of 12 bytes"),
        (encode_record(b"a"), 1 << 62, "in a file of 12 bytes"),
        (head(0, 100) + b"ab", 0, "found 2 bytes to the end of the file, expected 100"),
        (head(0, LONGEST) + b"ab", 0, "found 2 bytes to the end of the file, expected 536,870,911"),
        (head(5, 0), 0, "at byte 4: found a part of kind 5"),
        (head(2, 0), 0, "found the middle of a record, expected its start"),
        (head(1, 0) + encode_record(b"x"), 0, "at byte 8: found the start of a record, expected the next part"),
        (head(1, 0), 0, "at byte 8: found no record, expected one"),
    ],
)
def test_a_broken_record_is_reported_with_its_byte(tmp_path: Path, content: bytes, offset: int, words: str):
    file = written(tmp_path, content)
    with pytest.raises(RecordError, match=words):
        file.payload(offset)


def test_iteration_ends_at_a_damaged_record(tmp_path: Path):
    file = written(tmp_path, encode_record(b"one"), encode_record(b"two"), head(0, 99))
    assert list(file.walk()) == [0, 12, 24]


def test_a_file_that_is_empty_or_missing_is_reported(tmp_path: Path):
    with pytest.raises(UserError, match="found an empty file"):
        written(tmp_path)
    with pytest.raises(UserError, match="cannot be read"):
        RecordFile(tmp_path / "none.rec")


def test_a_record_too_long_for_its_length_is_refused():
    class Long(bytes):
        def __len__(self) -> int:
            return LONGEST + 1

    with pytest.raises(ValueError, match="holds at most 536,870,911"):
        encode_record(Long())
