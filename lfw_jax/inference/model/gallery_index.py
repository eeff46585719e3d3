"""Approximate search in many embeddings: a graph of usearch, and its file with a manifest beside it."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.typed_json import read_json, to_json

SCHEMA = 1
"""Version of the layout of the manifest."""

CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 512
"""Settings of the graph: edges per face, and candidates that are kept when a face is added and in a search.

The faces of an identity are a small island in the graph, which a search of few candidates does not reach (docs/results.md)."""

DTYPE = "f16"
"""Precision of the embeddings in the graph. Distances of what it finds are measured with the embeddings of the table."""

_CHUNK = 10_000  # faces that are added between two reports of progress
_REMEDY = "Remove it and its .json, so that the index is built again."


class UnfitIndexError(UserError):
    """The file of an index that belongs to other embeddings, or is damaged. A new index may replace it."""


@dataclasses.dataclass(frozen=True)
class IndexManifest:
    """The description of the file of an index.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      settings: name and version of the library that wrote the file, and the settings of the graph.
      model_sha256: checksum of the model of the embeddings.
      embeddings_sha256: checksum of the embeddings.
      index_sha256: checksum of the file of the index: a damaged one could end the process that reads it.
      faces: number of embeddings.
      dim: their length.
    """

    schema: int
    settings: str
    model_sha256: str
    embeddings_sha256: str
    index_sha256: str
    faces: int
    dim: int


class GalleryIndex:
    """A graph that finds nearly all of the nearest embeddings without comparing all of them.

    Several threads may search it.

    Args:
      graph: the index of usearch; its keys are the rows of the embeddings.
    """

    def __init__(self, graph: Any):
        self._graph = graph
        self._graph.expansion_search = EXPANSION_SEARCH

    @classmethod
    def build(
        cls,
        embeddings: Float32[np.ndarray, "faces dim"],
        *,
        progress: Callable[[int], None] = lambda _: None,
        threads: int = 0,
    ) -> "GalleryIndex":
        """Build the index of embeddings.

        Several threads add embeddings in an order that varies, so that builds may differ in the few neighbours that they miss.

        Args:
          embeddings: embeddings of length 1.
          progress: called with the number of added embeddings.
          threads: number of threads; 0 for one per core.

        Raises:
          UserError: usearch is not installed.
        """
        graph = usearch().Index(
            ndim=embeddings.shape[1],
            metric="ip",
            dtype=DTYPE,
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
        for start in range(0, len(embeddings), _CHUNK):
            part = embeddings[start : start + _CHUNK]
            graph.add(np.arange(start, start + len(part), dtype=np.uint64), part, threads=threads)
            progress(start + len(part))
        return cls(graph)

    @property
    def memory(self) -> int:
        """Memory of the graph in bytes, with its copy of the embeddings."""
        return int(self._graph.memory_usage)

    def propose(
        self, queries: Float32[np.ndarray, "queries dim"], count: int
    ) -> Int[np.ndarray, "queries count"] | None:
        """Return rows that are probably the nearest of each query, in any order.

        Args:
          queries: embeddings of length 1.
          count: number of rows for each query.

        Returns:
          The rows; None if the search of a query reached fewer than `count`.
        """
        found = self._graph.search(np.ascontiguousarray(queries, np.float32), count)
        if int(np.min(np.atleast_1d(getattr(found, "counts", len(found.keys))))) < count:
            return None
        return np.atleast_2d(found.keys).astype(np.int64)

    def write(self, path: Path, model: str, embeddings: Float32[np.ndarray, "faces dim"]) -> None:
        """Write the index and its manifest together, replacing older ones.

        Args:
          path: the file of the index.
          model: checksum of the model of the embeddings.
          embeddings: the embeddings.

        Raises:
          UserError: a file cannot be written.
        """
        # The manifest gets its name first: an index without one could not be told from a file of the user.
        with written_atomically(manifest_of(path), path, replace=True) as (described, unfinished):
            try:
                self._graph.save(str(unfinished))
            except (RuntimeError, ValueError) as error:  # from native code: a full disk, for example
                raise UserError(f"{path}: cannot be written ({error}). Free some space.") from error
            manifest = IndexManifest(
                SCHEMA,
                settings(),
                model,
                digest(embeddings),
                _file_digest(unfinished),
                len(embeddings),
                embeddings.shape[1],
            )
            described.write_text(json.dumps(to_json(manifest), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path, model: str, embeddings: Float32[np.ndarray, "faces dim"]) -> "GalleryIndex":
        """Read the index of embeddings.

        Args:
          path: the file of the index.
          model: checksum of the model of the embeddings.
          embeddings: the embeddings.

        Raises:
          UnfitIndexError: the index is of another model or other embeddings, or damaged.
          UserError: the files are not an index of this project, or usearch is not installed.
        """
        described = manifest_of(path)
        if not described.is_file():
            raise UserError(
                f"{path}: found no manifest {described.name} beside it, expected an index of this project. {_REMEDY}"
            )
        _check_schema(described)
        manifest = read_json(described, IndexManifest, schema=SCHEMA, remedy=_REMEDY)
        if manifest.settings != settings():
            raise UnfitIndexError(f"{path}: found an index of {manifest.settings}, expected {settings()}. {_REMEDY}")
        if manifest.model_sha256 != model:
            raise UnfitIndexError(
                f"{path}: found an index of another model ({manifest.model_sha256[:12]}), expected one of {model[:12]}. {_REMEDY}"
            )
        if manifest.embeddings_sha256 != digest(embeddings):
            raise UnfitIndexError(f"{path}: found an index of {manifest.faces:,} other embeddings. {_REMEDY}")
        library_of = usearch()
        if not path.is_file() or _file_digest(path) != manifest.index_sha256:
            raise UnfitIndexError(f"{path}: is damaged, its checksum is not that of its manifest. {_REMEDY}")
        try:
            graph = library_of.Index.restore(str(path))
        except (RuntimeError, ValueError, OSError) as error:
            raise UnfitIndexError(f"{path}: cannot be read by {library()} ({error}). {_REMEDY}") from error
        if graph is None or len(graph) != len(embeddings):
            raise UnfitIndexError(f"{path}: cannot be read by {library()}. {_REMEDY}")
        return cls(graph)


def manifest_of(path: Path) -> Path:
    """Return the path of the manifest beside the file of an index.

    Args:
      path: the file of the index.
    """
    return path.with_name(f"{path.name}.json")


def digest(embeddings: Float32[np.ndarray, "faces dim"]) -> str:
    """Return the checksum of embeddings.

    Args:
      embeddings: the embeddings.
    """
    whole = hashlib.sha256(f"{embeddings.shape} {embeddings.dtype.str}".encode())
    whole.update(np.ascontiguousarray(embeddings).data)
    return whole.hexdigest()


def settings() -> str:
    """Return the library and the settings with which an index is built."""
    return f"{library()}, {CONNECTIVITY} edges, {EXPANSION_ADD} candidates, {DTYPE}"


def library() -> str:
    """Return the name and the version of the library of the index."""
    import usearch

    return f"usearch {usearch.__version__}"


def usearch() -> Any:
    """Return the module of usearch's index.

    Raises:
      UserError: usearch is not installed.
    """
    try:
        import usearch.index
    except ImportError as error:
        raise UserError(
            "a gallery of this size needs the package usearch, which is not installed; run `pip install usearch`."
        ) from error
    return usearch.index


def _check_schema(described: Path) -> None:
    """Refuse the manifest of another version of this project as one whose index is to be built again."""
    try:
        found = json.loads(described.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # the reader says so
    if isinstance(found, dict) and "index_sha256" in found and found.get("schema") != SCHEMA:
        raise UnfitIndexError(f"{described}: found schema version {found.get('schema')}, expected {SCHEMA}. {_REMEDY}")


def _file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
