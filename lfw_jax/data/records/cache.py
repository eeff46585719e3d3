"""Cached scans of large RecordIO files, so that a set of millions of images reopens in seconds."""

import hashlib
import os
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.data.formats.npz import NpzError, read_npz
from lfw_jax.data.records.index import BROKEN, RecordTable
from lfw_jax.data.records.recordio import RecordFile

_VERSION = 2  # of the meaning of a scan; entries of another version are ignored
_DTYPES = {"status": np.uint8, "labels": np.int32, "found": np.int64}


def cache_folder() -> Path:
    """Return the folder of the cached scans."""
    import pooch  # here, because only large sets need it

    return Path(pooch.os_cache("lfw_jax")) / "records"


def _entry(file: RecordFile, offsets: Int64[np.ndarray, "records"]) -> Path:
    """Return the path of a cached scan: a digest of the `.rec`'s path, size and time, and the offsets."""
    identifier = f"{_VERSION}\0{file.path.resolve()}\0{file.size}\0{file.path.stat().st_mtime_ns}\0"
    digest = hashlib.sha256(os.fsencode(identifier))
    digest.update(np.ascontiguousarray(offsets).data)
    return cache_folder() / f"{digest.hexdigest()[:32]}.npz"


def load(file: RecordFile, offsets: Int64[np.ndarray, "records"]) -> RecordTable | None:
    """Return an earlier scan of these records.

    Args:
      file: the RecordIO file.
      offsets: `[records]`, the byte where each record starts.

    Returns:
      The table of the scan; None if there is none or its file is damaged.
    """
    try:
        columns = read_npz(_entry(file, offsets), _DTYPES)
    except (OSError, NpzError):
        return None
    if columns.keys() != _DTYPES.keys():
        return None
    complete = all(
        columns[name].dtype == dtype and columns[name].shape == offsets.shape for name, dtype in _DTYPES.items()
    )
    return RecordTable(**columns) if complete and not np.any(columns["status"] > BROKEN) else None


def store(file: RecordFile, offsets: Int64[np.ndarray, "records"], table: RecordTable) -> None:
    """Save a scan.

    If the cache cannot be written, this is silently skipped, and the next opening scans again.

    Args:
      file: the RecordIO file.
      offsets: `[records]`, the byte where each record starts.
      table: the result of the scan.
    """
    try:
        entry = _entry(file, offsets)
        entry.parent.mkdir(parents=True, exist_ok=True)
        with replaced_atomically(entry) as unfinished, unfinished.open("wb") as out:
            np.savez(out, status=table.status, labels=table.labels, found=table.found)
    except OSError:
        return
