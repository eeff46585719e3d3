"""The arrays of an `.npz` file, checked before anything is allocated and mapped where they lie uncompressed.

numpy's own reader takes the shape that a file claims at its word and unpickles what it is told to; this one does neither.
"""

import dataclasses
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_FORMATS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# What a compressed array may grow to: more than this and 100 times its packed size is no picture but a trap.
_UNPACKED_MOST, _RATIO_MOST = 1 << 28, 100
_CHUNK = 1 << 20


class NpzError(ValueError):
    """What is wrong with the file."""


@dataclasses.dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int  # bytes of the member before its data


def read_npz(path: Path, wanted: Iterable[str]) -> dict[str, np.ndarray]:
    """Some arrays of an `.npz` file by name; those that it lacks are left out. Large ones are memory maps.

    Raises:
      NpzError: no such file, a damaged one, or an array of Python objects; the text says what was found.
      OSError: the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            return {name: _read(path, archive, members[name]) for name in wanted if name in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        raise NpzError(str(error) or type(error).__name__) from error
    except (MemoryError, OverflowError, UnicodeError) as error:
        raise NpzError(f"a damaged archive ({type(error).__name__})") from error


def names_in(path: Path) -> list[str]:
    """The names of the arrays in an `.npz` file, for a message. Raises as `read_npz` does."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(info.filename.removesuffix(".npy") for info in archive.infolist())
    except (zipfile.BadZipFile, struct.error, UnicodeError, NotImplementedError) as error:
        raise NpzError(str(error)) from error


def _read(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        header = _header(member, info.filename)
        size = (
            int(np.prod(header.shape, dtype=object)) * header.dtype.itemsize if header.shape else header.dtype.itemsize
        )
        if header.start + size != info.file_size:
            raise NpzError(
                f"`{info.filename}` claims {header.dtype}{list(header.shape)}, {size:,} bytes, but holds "
                f"{info.file_size - header.start:,}"
            )
        order = "F" if header.fortran else "C"
        if info.compress_type == zipfile.ZIP_STORED and size > _CHUNK and info.file_size == info.compress_size:
            start = _data_start(path, info) + header.start
            if start + size > path.stat().st_size:
                raise NpzError(f"`{info.filename}` is cut off")
            return np.memmap(path, header.dtype, "r", start, header.shape, order)
        if size > max(_UNPACKED_MOST, _RATIO_MOST * info.compress_size):
            raise NpzError(
                f"`{info.filename}` would unpack from {info.compress_size:,} to {size:,} bytes; save such arrays with np.savez"
            )
        data = bytearray()
        while chunk := member.read(_CHUNK):  # grows with what is there, not with what is claimed
            data += chunk
        if len(data) != size:
            raise NpzError(f"`{info.filename}` holds {len(data):,} bytes, expected {size:,}")
    return np.frombuffer(data, header.dtype).reshape(header.shape, order=order)


def _header(member: IO[bytes], name: str) -> _Header:
    try:
        version = np.lib.format.read_magic(member)
        if version not in _FORMATS:
            raise ValueError(f"version {version}")
        shape, fortran, dtype = _FORMATS[version](member)
    except (ValueError, SyntaxError, tokenize.TokenError, TypeError, KeyError, RecursionError) as error:
        raise NpzError(f"`{name}` is no numpy array ({error})") from error
    if dtype.hasobject:
        raise NpzError(f"`{name}` holds Python objects, which are never unpickled")
    if dtype.itemsize == 0 or any(type(n) is not int or n < 0 for n in shape):
        raise NpzError(f"`{name}` claims to be {dtype}{list(shape)}")
    return _Header(shape, fortran, dtype, member.tell())


def _data_start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where the bytes of a member start: its local header may be longer than the entry in the directory says."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        magic, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if magic != b"PK\x03\x04":
        raise NpzError(f"`{info.filename}` is not where the archive says")
    return info.header_offset + _LOCAL_HEADER.size + name_length + extra_length


def write_npz(path: Path, arrays: Mapping[str, np.ndarray], pieces: Mapping[str, tuple[int, Iterable[bytes]]]) -> None:
    """Write an `.npz` file as `np.savez` does, some arrays piece by piece.

    Args:
      path: the file.
      arrays: by name.
      pieces: by name, uint8 arrays `[bytes]` that are never in memory as a whole: their length, and what to write.

    Raises:
      OSError: the file cannot be written.
      ValueError: the pieces of an array are not as long as announced.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
        for name, (length, parts) in pieces.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = {"descr": "|u1", "fortran_order": False, "shape": (length,)}
                np.lib.format.write_array_header_1_0(member, header)
                written = sum(member.write(part) for part in parts)
            if written != length:
                raise ValueError(f"`{name}`: {written:,} bytes came, {length:,} were announced")
