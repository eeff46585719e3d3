"""Reading and writing of `.npz` files.

Arrays are checked before allocation and memory-mapped if they are uncompressed.
NumPy's own reader trusts the shape that a file claims and may unpickle its content; this one does neither.
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
# Limits of decompression: an array that exceeds both this size and 100 times its compressed size is a decompression bomb.
_UNPACKED_LIMIT, _RATIO_LIMIT = 1 << 28, 100
_CHUNK = 1 << 20


class NpzError(ValueError):
    """An `.npz` file that is damaged or holds something other than plain arrays."""


@dataclasses.dataclass(frozen=True)
class _Header:
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int  # bytes of the member that precede its data


def read_npz(path: Path, wanted: Iterable[str]) -> dict[str, np.ndarray]:
    """Read the requested arrays of an `.npz` file.

    Args:
      path: the file.
      wanted: the names of the arrays.

    Returns:
      The arrays by name, without those that the file lacks. Large uncompressed arrays are memory maps.

    Raises:
      NpzError: the file is damaged or an array holds Python objects; the text says what was found.
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
    """Return the sorted names of the arrays in an `.npz` file.

    Raises:
      NpzError: the file is damaged.
      OSError: the file cannot be read.
    """
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
        if size > max(_UNPACKED_LIMIT, _RATIO_LIMIT * info.compress_size):
            raise NpzError(
                f"`{info.filename}` would decompress from {info.compress_size:,} to {size:,} bytes; save it with np.savez"
            )
        data = bytearray()
        while chunk := member.read(_CHUNK):  # grows with the actual data, not with the claimed size
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
        raise NpzError(f"`{name}` is not a NumPy array ({error})") from error
    if dtype.hasobject:
        raise NpzError(f"`{name}` holds Python objects, which are never unpickled")
    if dtype.itemsize == 0 or any(type(n) is not int or n < 0 for n in shape):
        raise NpzError(f"`{name}` claims to be {dtype}{list(shape)}")
    return _Header(shape, fortran, dtype, member.tell())


def _data_start(path: Path, info: zipfile.ZipInfo) -> int:
    """Return the start of a member's bytes, read from its local header.

    The local header may be longer than the central directory says.
    """
    with path.open("rb") as file:
        file.seek(info.header_offset)
        magic, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    if magic != b"PK\x03\x04":
        raise NpzError(f"`{info.filename}` is not where the archive says")
    return info.header_offset + _LOCAL_HEADER.size + name_length + extra_length


def write_npz(path: Path, arrays: Mapping[str, np.ndarray], pieces: Mapping[str, tuple[int, Iterable[bytes]]]) -> None:
    """Write an `.npz` file as `np.savez` does, with some arrays streamed in pieces.

    Args:
      path: the file.
      arrays: the arrays by name.
      pieces: by name, uint8 arrays `[bytes]` that are never in memory as a whole: their total length and their pieces.

    Raises:
      OSError: the file cannot be written.
      ValueError: the pieces of an array do not have the announced length.
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
                raise ValueError(f"`{name}`: found {written:,} bytes, expected the announced {length:,}")
