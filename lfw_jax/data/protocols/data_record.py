"""A record of the data that a run began with, for comparison with the present data.

A class index of a trained network means an identity only as long as the training identities and their order stay the same. The
record holds no path of a folder, so that the data may move, and no content of images.
"""

import collections
import dataclasses
import hashlib
import itertools
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.identification_sets import IdentificationSet
from lfw_jax.data.protocols.splits import Split
from lfw_jax.data.storage import LazyImages

RECORD_SCHEMA = 1
"""Version of the layout of a record; it changes with its keys and with what its digests cover."""

_SHOWN = 3


@dataclasses.dataclass(frozen=True)
class PartRecord:
    """One part of the data: the training images, or a pair list with its images.

    Attributes:
      digest: a hash of the identities, their image numbers and file names, or of the pairs, in order.
      images: the number of images of each identity, in the order of the identities.
      pairs: the number of pairs of a list; None for images.
    """

    digest: str
    images: Mapping[str, int]
    pairs: int | None = None


@dataclasses.dataclass(frozen=True)
class DataRecord:
    """The data of a run.

    Attributes:
      schema: version of the layout.
      parts: "training", "validation", "test", and "development" if it is a list of its own.
      sets: the evaluation sets by name, which may change between a run and its resumption.
    """

    schema: int
    parts: Mapping[str, PartRecord]
    sets: Mapping[str, PartRecord] = dataclasses.field(default_factory=dict)


def record_of(
    parts: Split, sets: Collection[EvaluationSet] = (), protocols: Collection[IdentificationSet] = ()
) -> DataRecord:
    """Return the record of a split and of the evaluation sets beyond it.

    Args:
      parts: the split.
      sets: the evaluation sets.
      protocols: the identification protocols.
    """
    lists = {"validation": parts.validation, "test": parts.test}
    if parts.development not in (parts.validation, parts.test):
        lists["development"] = parts.development
    return DataRecord(
        RECORD_SCHEMA,
        {"training": _images(parts.training), **{name: _pairs(pairs) for name, pairs in lists.items()}},
        {item.name: _pairs(item.pairs) for item in sets} | {item.name: _protocol(item) for item in protocols},
    )


def changed_parts(before: DataRecord, now: DataRecord) -> list[str]:
    """Describe how the parts of the data differ: one text for each part that differs.

    Args:
      before: the record at the beginning of a run.
      now: the record of the present data.
    """
    return _changes(before.parts, now.parts, sorted(before.parts.keys() | now.parts.keys()))


def changed_sets(before: DataRecord, now: DataRecord) -> list[str]:
    """Describe how evaluation sets of both records differ: one text for each set that differs.

    Args:
      before: the record at the beginning of a run.
      now: the record of the present data.
    """
    return _changes(before.sets, now.sets, [name for name in before.sets if name in now.sets])


def _changes(before: Mapping[str, PartRecord], now: Mapping[str, PartRecord], names: Iterable[str]) -> list[str]:
    nothing = PartRecord("", {})
    pairs = [(name, before.get(name, nothing), now.get(name, nothing)) for name in names]
    return [f"{name}: {_change(old, new)}" for name, old, new in pairs if old.digest != new.digest]


def _change(old: PartRecord, new: PartRecord) -> str:
    """Return in words how two versions of one part differ."""
    found = []
    for what, names in (
        ("new", [name for name in new.images if name not in old.images]),
        ("missing", [name for name in old.images if name not in new.images]),
        (
            "with another number of images",
            [name for name, count in new.images.items() if old.images.get(name, count) != count],
        ),
    ):
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            found.append(f"{what} {', '.join(map(repr, names[:_SHOWN]))}{more}")
    if not found:
        moved = [name for name, other in zip(new.images, old.images, strict=True) if name != other]
        if moved:
            found.append(f"the same identities in another order, from {moved[0]!r} on")
        else:
            found.append("other images or pairs of the same identities, or another order of them")
    size = _size(new) if _size(old) == _size(new) else f"{_size(new)}, it was {_size(old)}"
    return f"{size}; {'; '.join(found)}"


def _size(part: PartRecord) -> str:
    pairs = "" if part.pairs is None else f"{part.pairs} pairs of "
    return f"{pairs}{sum(part.images.values())} images of {len(part.images)} identities"


def _images(images: ImageSet) -> PartRecord:
    digest = _digest(images.names, images.labels, images.numbers)
    if images.storage == "files":
        digest.update(_text(map(os.path.basename, _files(images.images))))
    counts = np.bincount(images.labels, minlength=len(images.names))
    return PartRecord(digest.hexdigest(), dict(zip(images.names, counts.tolist(), strict=True)))


def _files(images: Any) -> Iterable[str]:
    if isinstance(images, LazyImages):
        return map(str, images.sources(np.arange(len(images))))
    return map(str, images)


def _pairs(pairs: PairList) -> PartRecord:
    keys = [*itertools.chain(pairs.first, pairs.second)]
    folds = np.zeros(0) if pairs.folds is None else pairs.folds
    digest = _digest([name for name, _ in keys], np.array([number for _, number in keys], np.int64), pairs.same, folds)
    distinct = pairs.keys()
    return PartRecord(digest.hexdigest(), collections.Counter(name for name, _ in distinct), len(pairs))


def _protocol(item: IdentificationSet) -> PartRecord:
    rows, pairs = item.rows, item.pairs
    arrays = [rows.members, rows.templates, item.probes, *item.galleries.values()]
    arrays += [] if rows.media is None else [rows.media]
    arrays += [] if pairs is None else [pairs.first, pairs.second, pairs.same]
    digest = _digest([*rows.ids, *rows.subjects, *map(os.path.basename, _files(item.images.images))], *arrays)
    if rows.quality is not None:
        digest.update(rows.quality.astype("<f8").tobytes())
    return dataclasses.replace(_images(item.images), digest=digest.hexdigest())


def _digest(names: Sequence[str], *arrays: np.ndarray) -> Any:
    digest = hashlib.sha256(_text(names))
    for values in arrays:
        digest.update(values.astype("<i8").tobytes())
    return digest


def _text(names: Iterable[str]) -> bytes:
    # Names from the file system may hold lone surrogates, where their bytes are not UTF-8.
    return "\0".join(names).encode(errors="surrogatepass")
