"""What a scan of a large RecordIO file found, kept in the user's cache: a set of millions is opened in seconds next time."""

import hashlib
import os
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.data.formats.npz import NpzError, read_npz
from lfw_jax.data.records.index import BROKEN, RecordTable
from lfw_jax.data.records.recordio import RecordFile

_VERSION = 1  # of what a scan means; another one is scanned anew
_DTYPES = {"status": np.uint8, "labels": np.int32, "found": np.int64}


def cache_folder() -> Path:
    """Where the scans are kept."""
    import pooch  # here, because only large sets need it

    return Path(pooch.os_cache("lfw_jax")) / "records"


def _entry(file: RecordFile, offsets: Int64[np.ndarray, "records"]) -> Path:
    """The file of a scan: named for path, size and time of the `.rec` and for the offsets that were scanned."""
    told = f"{_VERSION}\0{file.path.resolve()}\0{file.size}\0{file.path.stat().st_mtime_ns}\0"
    digest = hashlib.sha256(os.fsencode(told))
    digest.update(np.ascontiguousarray(offsets).data)
    return cache_folder() / f"{digest.hexdigest()[:32]}.npz"


def load(file: RecordFile, offsets: Int64[np.ndarray, "records"]) -> RecordTable | None:
    """What an earlier scan of these records found; None where there was none, or its file is damaged."""
    try:
        columns = read_npz(_entry(file, offsets), _DTYPES)
    except (OSError, NpzError):
        return None
    if columns.keys() != _DTYPES.keys():
        return None
    whole = all(
        columns[name].dtype == dtype and columns[name].shape == offsets.shape for name, dtype in _DTYPES.items()
    )
    return RecordTable(**columns) if whole and not np.any(columns["status"] > BROKEN) else None


def store(file: RecordFile, offsets: Int64[np.ndarray, "records"], table: RecordTable) -> None:
    """Keep a scan; where the cache cannot be written, the next opening scans again and nobody is told."""
    try:
        entry = _entry(file, offsets)
        entry.parent.mkdir(parents=True, exist_ok=True)
        with replaced_atomically(entry) as unfinished, unfinished.open("wb") as out:
            np.savez(out, status=table.status, labels=table.labels, found=table.found)
    except OSError:
        return
