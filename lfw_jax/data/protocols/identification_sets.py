"""Identification protocols read from files: templates, galleries, probes, pairs, distractors."""

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int

from lfw_jax.data.formats.files import check_files
from lfw_jax.data.formats.text_lists import local_path
from lfw_jax.data.images import ImageSet, count_up
from lfw_jax.data.pair_list import Key
from lfw_jax.data.protocols.csv_table import CsvTable
from lfw_jax.data.protocols.evaluation_sets import FOLDERS, EvaluationSet, parse_location, unknown_people
from lfw_jax.data.protocols.list_format import parse_verdict
from lfw_jax.data.protocols.template_files import (
    TemplatePairs,
    TemplateRows,
    read_template_ids,
    read_template_pairs,
    read_templates,
)
from lfw_jax.data.storage import PackedPaths
from lfw_jax.errors import UserError

_FLAG = "--config.evaluation.identification"
_PARTS = ("templates", "gallery", "probes", "pairs", "distractors", "images", "closed")
_SEVERAL = ("gallery", "distractors")
_EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".avif", ".tif", ".tiff", ".ppm", ".pgm")


@dataclasses.dataclass(frozen=True, eq=False)
class IdentificationSet:
    """An identification protocol and the images it names.

    Attributes:
      name: the name of the set in reports.
      rows: the templates.
      images: the images of the templates, in the order of `rows.files`, then the distractors.
      identities: the names of the identities, as far as they mean the same identity in other sets.
      galleries: the template indices of each gallery, by the name of its list.
      probes: the template indices of the probes.
      distractors: the number of distractors.
      pairs: pairs of templates for verification; None if there are none.
      notes: remarks for the reader of the metrics.
      aligned: true if the images are tightly cropped, aligned faces, which are not aligned again.
    """

    name: str
    rows: TemplateRows
    images: ImageSet
    identities: frozenset[str]
    galleries: Mapping[str, Int[np.ndarray, "gallery"]]
    probes: Int[np.ndarray, "probes"]
    distractors: int = 0
    pairs: TemplatePairs | None = None
    notes: tuple[str, ...] = ()
    aligned: bool = False

    def keys(self) -> Sequence[Key]:
        """Return the identity and number of every image, in order."""
        return self.images.keys()


EvaluatedSet = EvaluationSet | IdentificationSet
"""A set that is evaluated, whose identities do not train."""


def read_identification_sets(texts: Sequence[str], data_dir: Path | None = None) -> tuple[IdentificationSet, ...]:
    """Read identification protocols.

    A protocol is a CSV of `part,path`. Its parts are `templates` (`read_templates`), and optionally `gallery` (several lines for
    several galleries) with `probes` (`read_template_ids`), `pairs` (`read_template_pairs`), `distractors` (folders whose images
    join every gallery), `images` (the folder of the images) and `closed` (yes if each probe must have a mate). Paths are relative
    to the folder of the protocol. Images are relative to the folder `images`, or to the one after `@`, or else to that of the
    templates or its subfolders `aligned images` and `images`.

    Args:
      texts: paths, each perhaps followed by `@` and the folder of the images; each may hold several, separated by commas.
      data_dir: the folder of the training data, if there is any. Identities that are numbers denote an identity only within it.

    Returns:
      The sets, in the given order.

    Raises:
      UserError: a protocol cannot be read, images are missing or unreadable, or two sets have one name.
    """
    sets: list[IdentificationSet] = []
    for text in [part.strip() for several in texts for part in several.split(",") if part.strip()]:
        try:
            found = _read(text, data_dir)
        except UserError as error:
            raise UserError(f"{_FLAG}: {error}") from error
        if found.name in {item.name for item in sets}:
            raise UserError(f"{_FLAG}: two sets are called {found.name}, expected different names. Rename a file.")
        sets.append(found)
    return tuple(sets)


def _read(text: str, data_dir: Path | None) -> IdentificationSet:
    path, folder = parse_location(text, "a CSV of part,path (docs/evaluation/identification.md)")
    parts = _parts(path)
    name = path.resolve().parent.name if path.stem == "protocol" else path.stem
    (templates,) = parts["templates"]
    rows = read_templates(templates)
    folder = folder or next(iter(parts["images"]), None)
    roots = [folder] if folder else [templates.parent / sub for sub in FOLDERS]
    images, root = _images(name, rows, templates, roots, parts["distractors"])
    index_of = {template: index for index, template in enumerate(rows.ids)}
    named = data_dir is not None and root.resolve() == data_dir.resolve()
    identities = frozenset(subject for subject in rows.subjects if subject and (named or not subject.isdecimal()))
    found = IdentificationSet(
        name=name,
        rows=rows,
        images=images,
        identities=identities,
        galleries={file.stem: read_template_ids(file, index_of) for file in parts["gallery"]},
        probes=np.concatenate(
            [np.zeros(0, np.int64), *(read_template_ids(file, index_of) for file in parts["probes"])]
        ),
        distractors=len(images) - len(rows.files),
        pairs=next((read_template_pairs(file, rows) for file in parts["pairs"]), None),
        notes=() if identities else (unknown_people(name),),
    )
    check_searches(path, found, closed=bool(parts["closed"]))
    return found


def check_searches(path: Path, item: IdentificationSet, *, closed: bool) -> None:
    """Check that the probes of a protocol can be searched in each of its galleries.

    Args:
      path: the protocol, for messages.
      item: the set.
      closed: true if each probe must have a mate in each gallery.

    Raises:
      UserError: a template is in a gallery and among the probes, no probe has a mate, or one has none in a closed protocol.
    """
    subjects = np.array(item.rows.subjects)
    for name, gallery in item.galleries.items():
        both = np.intersect1d(gallery, item.probes)
        if len(both):
            raise UserError(
                f"{path}: {len(both)} templates are in the gallery {name} and among the probes, the first "
                f"{item.rows.ids[both[0]]}; expected none, as a probe would find itself. Remove them from one of the two."
            )
        wanted = subjects[item.probes]
        without = item.probes[~np.isin(wanted, subjects[gallery]) | (wanted == "")]
        if len(without) == len(item.probes) or (closed and len(without)):
            expected = "a mate for each, as the protocol is closed" if closed else "a mate for some"
            raise UserError(
                f"{path}: {len(without)} of {len(item.probes)} probes have no mate in the gallery '{name}', the first "
                f"{item.rows.ids[without[0]]}; expected {expected}. Correct the lists{', or remove the line closed' * closed}."
            )


def _parts(path: Path) -> dict[str, list[Path]]:
    """Return the paths of each part of a protocol; the path of `closed` means nothing."""
    titles = {"part": frozenset({"key", "what"}), "path": frozenset({"file", "value"})}
    table, parts = CsvTable(path, titles, ("part", "path"), untitled=True), {part: [] for part in _PARTS}
    for row in table.rows():
        part, text = table.cell(row, "part").lower(), table.cell(row, "path")
        if part not in _PARTS or not text:
            raise table.malformed(row, f"one of {', '.join(_PARTS)}, and a path (yes or no for closed)")
        if parts[part] and part not in _SEVERAL:
            raise table.malformed(row, f"one line of {part}")
        found = path.parent / local_path(path.parent, text)
        if part == "closed":
            verdict = parse_verdict(text)
            if verdict is None:
                raise table.malformed(row, "yes or no for closed")
            parts[part] += [found] if verdict else []
            continue
        wanted = "folder" if part in ("images", "distractors") else "file"
        if not (found.is_dir() if wanted == "folder" else found.is_file()):
            raise table.malformed(row, f"a {wanted}; there is none at {found}")
        parts[part].append(found)
    stems = [file.stem for file in parts["gallery"]]
    if not parts["templates"] or bool(stems) != bool(parts["probes"]) or len(set(stems)) < len(stems):
        raise UserError(
            f"{path}: found the parts {', '.join(part for part in _PARTS if parts[part]) or 'none'}; expected templates, and "
            "either both of gallery and probes or neither, with galleries of different names. Add the missing line."
        )
    return parts


def _images(
    name: str, rows: TemplateRows, path: Path, roots: Sequence[Path], folders: Sequence[Path]
) -> tuple[ImageSet, Path]:
    """Return the images of the templates and the distractors, and the folder of the former."""
    first = rows.files[0]
    root = next((root for root in roots if (root / local_path(root, first)).is_file()), roots[0])
    files = PackedPaths(root, (local_path(root, file) for file in rows.files))
    missing = [file for file, found in zip(rows.files, files, strict=True) if not found.is_file()]
    if missing:
        searched = root if len(missing) < len(files) else ", ".join(map(str, roots))
        raise UserError(
            f"{path}: {len(missing)} of the {len(files)} images it names are missing in {searched}, the first {missing[0]}. "
            "Correct the paths, or add the line images,FOLDER to the protocol."
        )
    for folder in folders:
        before = len(files)
        files.extend(os.path.abspath(file) for file in _files_in(folder))
        if len(files) == before:
            raise UserError(f"{folder}: found no image, expected distractors. Correct the path, or remove its line.")
    _, faulty = check_files(files)
    if faulty:
        raise UserError(
            f"{path}: {faulty[0].path} is {faulty[0].reason}. Repair the file, or remove it from the lists."
        )
    owners = [subject or f"unknown {index}" for index, subject in enumerate(rows.subject_of_files())]
    label_of = {owner: label for label, owner in enumerate(dict.fromkeys(owners))}
    labels = np.array([label_of[owner] for owner in owners], np.int32)
    names = [*label_of]
    if count := len(files) - len(labels):
        names.append(f"distractors of {name}")
        labels = np.append(labels, np.full(count, len(names) - 1, np.int32))
    return ImageSet(tuple(names), labels, count_up(labels), files, "files"), root


def _files_in(folder: Path) -> Iterator[str]:
    """Yield the image files in a folder and its subfolders, sorted."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        yield from (
            os.path.join(parent, name)
            for name in sorted(names)
            if name.lower().endswith(_EXTENSIONS) and not name.startswith(".")
        )
