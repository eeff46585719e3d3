"""Embeddings of a set of photos as a file, `.npz` or Parquet, with a manifest beside it."""

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.typed_json import from_json, to_json

SCHEMA = 1
"""Version of the layout of both files."""

ENDINGS = (".npz", ".parquet")
"""The endings of files of embeddings."""

_REMEDY = "Write it again with --mode=embed."
_PYARROW = "needs pyarrow, which is not installed; run `pip install pyarrow`, or choose a file that ends in .npz."


@dataclasses.dataclass(frozen=True)
class SkippedPhoto:
    """A photo that was not embedded.

    Attributes:
      source: its file, or its position in the source.
      reason: the fault.
    """

    source: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The description of a file of embeddings.

    Attributes:
      schema: version of the layout, `SCHEMA`.
      model: name of the configuration of the model.
      sha256: SHA-256 of the parameters of the model: embeddings of different models cannot be compared.
      source: what was embedded.
      aligned: true if the photos were aligned crops already.
      photos: number of photos of the source.
      embedded: number of embedded photos.
      dim: length of an embedding.
      skipped: the photos that were not embedded, with the reason for each.
    """

    schema: int
    model: str
    sha256: str
    source: str
    aligned: bool
    photos: int
    embedded: int
    dim: int
    skipped: tuple[SkippedPhoto, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddingTable:
    """Embeddings of photos.

    Attributes:
      embeddings: the embedding of each photo, of length 1.
      identities: its identity by the source, such as the name of its folder.
      numbers: its number within the identity.
      sources: its file, or its position in the source.
      boxes: left, top, right and bottom of the embedded face in pixels of the photo; NaN for a centre or an aligned crop.
      scores: the detector's confidence of that face; NaN without one.
      found: number of faces found in the photo.
    """

    embeddings: Float[np.ndarray, "photos dim"]
    identities: np.ndarray
    numbers: Int[np.ndarray, "photos"]
    sources: np.ndarray
    boxes: Float[np.ndarray, "photos 4"]
    scores: Float[np.ndarray, "photos"]
    found: Int[np.ndarray, "photos"]

    def __len__(self) -> int:
        return len(self.embeddings)

    def rows(self, chosen: Int[np.ndarray, "rows"]) -> "EmbeddingTable":
        """Return some rows as a table.

        Args:
          chosen: their indices.
        """
        return EmbeddingTable(**{name: array[chosen] for name, array in vars(self).items()})


def joined_tables(tables: list[EmbeddingTable]) -> EmbeddingTable:
    """Return the rows of several tables, at least one, as one table.

    Args:
      tables: the tables; their embeddings have one length, except in tables without rows.
    """
    filled = [table for table in tables if len(table)] or tables[:1]
    names = [field.name for field in dataclasses.fields(EmbeddingTable)]
    return EmbeddingTable(**{name: np.concatenate([getattr(table, name) for table in filled]) for name in names})


def manifest_path(path: Path) -> Path:
    """Return the path of the manifest beside a file of embeddings.

    Args:
      path: the file of embeddings.
    """
    return path.with_name(f"{path.name}.json")


def check_ending(path: Path, what: str) -> None:
    """Check the ending of a file of embeddings, and that a package which writes it is installed.

    Args:
      path: the file.
      what: the flag that names it, for messages.

    Raises:
      UserError: another ending, or Parquet without pyarrow.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"{what} is {path}; expected a file that ends in {' or '.join(ENDINGS)}.")
    if path.suffix.lower() == ".parquet":
        try:
            import pyarrow  # noqa: F401
        except ImportError as error:
            raise UserError(f"{what}: {path} {_PYARROW}") from error


def write_table(path: Path, table: EmbeddingTable, manifest: Manifest) -> None:
    """Write a file of embeddings and its manifest together. Existing files are not replaced.

    Args:
      path: the file, which ends in `.npz` or `.parquet`.
      table: its rows.
      manifest: its description.

    Raises:
      UserError: a file exists, or cannot be written.
    """
    text = json.dumps(to_json(manifest), indent=2, ensure_ascii=False) + "\n"
    with written_atomically(path, manifest_path(path)) as (unfinished, described):
        if path.suffix.lower() == ".parquet":
            _write_parquet(unfinished, table, text)
        else:
            with open(unfinished, "wb") as file:
                np.savez(file, manifest=np.array(text), **vars(table))
        described.write_text(text, encoding="utf-8")


def read_table(path: Path) -> tuple[EmbeddingTable, Manifest]:
    """Read a file of embeddings and the manifest in it.

    Args:
      path: the file.

    Raises:
      UserError: the file is missing, damaged or of another version.
    """
    if not path.is_file():
        raise UserError(f"{path}: found no such file; expected one that --mode=embed wrote.")
    check_ending(path, "file of embeddings")
    try:
        arrays, text = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_npz(path)
        content: Any = json.loads(text)
        if content.get("schema") != SCHEMA:
            raise UserError(f"{path}: found schema version {content.get('schema')}, expected {SCHEMA}. {_REMEDY}")
        table = EmbeddingTable(**{field.name: arrays[field.name] for field in dataclasses.fields(EmbeddingTable)})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as embeddings ({error}). {_REMEDY}") from error
    return table, from_json(Manifest, content, source=path, remedy=_REMEDY)


def _read_npz(path: Path) -> tuple[dict[str, np.ndarray], str]:
    with open(path, "rb") as opened, np.load(opened) as file:  # NumPy leaves a damaged file open
        return {name: file[name] for name in file.files if name != "manifest"}, str(file["manifest"])


def _write_parquet(path: Path, table: EmbeddingTable, manifest: str) -> None:
    import pyarrow
    from pyarrow import parquet

    def rows(array: np.ndarray) -> Any:
        flat = pyarrow.array(np.ascontiguousarray(array, np.float32).ravel())
        return pyarrow.FixedSizeListArray.from_arrays(flat, array.shape[1])

    columns = {name: rows(array) if array.ndim == 2 else array.tolist() for name, array in vars(table).items()}
    columns["scores"] = pyarrow.array(table.scores.astype(np.float32))
    content = pyarrow.table(columns).replace_schema_metadata({"lfw_jax": manifest})
    parquet.write_table(content, path)


def _read_parquet(path: Path) -> tuple[dict[str, np.ndarray], str]:
    from pyarrow import parquet

    content = parquet.read_table(path)
    arrays = {}
    for name in content.column_names:
        column = content.column(name).combine_chunks()
        if name in ("embeddings", "boxes"):
            arrays[name] = column.flatten().to_numpy().reshape(len(column), -1)
        else:
            arrays[name] = np.array(column.to_pylist())
    return arrays, (content.schema.metadata or {})[b"lfw_jax"].decode()
