"""Files of templates: their images, lists of template ids, and pairs of templates."""

import array
import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.data.protocols.csv_table import CsvTable
from lfw_jax.data.protocols.list_format import parse_verdict
from lfw_jax.data.protocols.path_pairs import tenths_of_each_kind
from lfw_jax.errors import UserError

_TEMPLATES = {
    "template_id": frozenset({"templateid", "template", "tid"}),
    "subject_id": frozenset({"subjectid", "subject", "sid", "identity", "identityid", "person", "personid", "name", "label"}),
    "file": frozenset({"filename", "filepath", "path", "image", "imagename", "imagepath", "imagefile"}),
    "media_id": frozenset({"mediaid", "media", "mid", "video", "videoid"}),
    "quality": frozenset({"score", "detectionscore", "faceness", "weight"}),
}  # fmt: skip
_IDS = {"template_id": _TEMPLATES["template_id"]}
_PAIRS = {
    "template1": frozenset({"templateid1", "template1", "tid1", "enrolltemplateid", "enroltemplateid"}),
    "template2": frozenset({"templateid2", "template2", "tid2", "veriftemplateid", "verifytemplateid"}),
    "same": frozenset({"issame", "match", "label"}),
    "fold": frozenset({"split", "splitnumber", "foldid"}),
}


@dataclasses.dataclass(frozen=True, eq=False)
class TemplateRows:
    """Templates and the images they consist of.

    Attributes:
      ids: the id of each template, in the order of first appearance.
      subjects: the identity of each template; "" if it is unknown.
      files: the distinct files, as written in the list.
      members: `[rows]`, the index of the file of each row.
      templates: `[rows]`, the index of the template of each row.
      media: `[rows]`, the medium of each row; None if the list has no media.
      quality: `[rows]`, the quality of each row; None if the list has none.
    """

    ids: tuple[str, ...]
    subjects: tuple[str, ...]
    files: tuple[str, ...]
    members: Int[np.ndarray, "rows"]
    templates: Int[np.ndarray, "rows"]
    media: Int[np.ndarray, "rows"] | None
    quality: Float[np.ndarray, "rows"] | None

    def subject_of_files(self) -> list[str]:
        """Return the identity on each file; "" if it is unknown."""
        found = [""] * len(self.files)
        for member, template in zip(self.members.tolist(), self.templates.tolist(), strict=True):
            found[member] = self.subjects[template]
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class TemplatePairs:
    """Pairs of templates for verification.

    Attributes:
      name: the name of the list in reports.
      first: `[pairs]`, the index of the first template.
      second: `[pairs]`, the index of the second template.
      same: `[pairs]`, true if both have one identity.
      folds: `[pairs]`, the fold of each pair: that of the list, or else consecutive tenths of each kind.
    """

    name: str
    first: Int[np.ndarray, "pairs"]
    second: Int[np.ndarray, "pairs"]
    same: Bool[np.ndarray, "pairs"]
    folds: Int[np.ndarray, "pairs"]


def read_templates(path: Path) -> TemplateRows:
    """Read a file of templates, with one image per line.

    Its columns are `template_id`, `subject_id`, `file`, and optionally `media_id` and `quality`.
    The titles of IJB's metadata are recognised (`TEMPLATE_ID,SUBJECT_ID,FILENAME,MEDIA_ID`). An empty `subject_id` is an unknown
    identity. A row without `media_id` is a medium of its own. The quality is a number of 0 or more, such as a detection score.

    Args:
      path: the file.

    Raises:
      UserError: a malformed line, a template or a file with two identities, or a template without any quality above 0.
    """
    table = CsvTable(path, _TEMPLATES, ("template_id", "subject_id", "file"))
    index_of: dict[str, int] = {}
    subjects: list[str] = []
    files: dict[str, int] = {}
    owners: list[str] = []
    media: dict[str, int] = {}
    members, templates, mediums, quality = array.array("q"), array.array("q"), array.array("q"), array.array("d")
    for row in table.rows():
        template, subject, file = (table.cell(row, name) for name in ("template_id", "subject_id", "file"))
        if not template or not file or "\0" in file:
            raise table.malformed(row, "a template_id and a file")
        index = index_of.setdefault(template, len(subjects))
        member = files.setdefault(file, len(owners))
        for known, at, what in ((subjects, index, f"template {template}"), (owners, member, file)):
            if at == len(known):
                known.append(subject)
            elif known[at] != subject:
                remedy = "the same identity in every line" + (" (one file for each face)" if known is owners else "")
                raise table.malformed(row, f"subject_id {known[at]!r} for {what}, {remedy}")
        medium = table.cell(row, "media_id")
        mediums.append(media.setdefault(medium, len(media)) if medium else -1 - len(members))
        quality.append(_quality(table, row))
        members.append(member)
        templates.append(index)
    if not members:
        raise UserError(f"{path}: found no template, expected one image per line. Add the lines.")
    rows = TemplateRows(
        tuple(index_of),
        tuple(subjects),
        tuple(files),
        np.array(members),
        np.array(templates),
        np.array(mediums) if "media_id" in table.columns else None,
        np.array(quality) if "quality" in table.columns else None,
    )
    _check_quality(path, rows)
    return rows


def read_template_ids(path: Path, index_of: Mapping[str, int]) -> Int[np.ndarray, "templates"]:
    """Read a gallery or a list of probes from the column `template_id`.

    A template may be in several lines.

    Args:
      path: the file; other columns are ignored, so that a list of images by template is read as well.
      index_of: the index of each known template.

    Returns:
      The indices of the templates, in the order of first appearance.

    Raises:
      UserError: an unknown template, or an empty list.
    """
    table = CsvTable(path, _IDS, ("template_id",), untitled=True)
    found = dict.fromkeys(_index(table, row, "template_id", index_of) for row in table.rows())
    if not found:
        raise UserError(f"{path}: found no template, expected one template_id per line. Add the lines.")
    return np.array(list(found))


def read_template_pairs(path: Path, rows: TemplateRows) -> TemplatePairs:
    """Read pairs of templates from the columns `template1`, `template2` and perhaps `same` and `fold`.

    A file without a header has the first two columns.

    Labels follow from the identities of the templates; `same` is only needed where an identity is unknown.

    Args:
      path: the file.
      rows: the templates.

    Raises:
      UserError: a malformed line, an unknown template, or a label that contradicts the identities.
    """
    table = CsvTable(path, _PAIRS, ("template1", "template2"), untitled=True)
    index_of = {name: index for index, name in enumerate(rows.ids)}
    first, second, same, folds = array.array("q"), array.array("q"), array.array("b"), array.array("q")
    for row in table.rows():
        one, two = (_index(table, row, column, index_of) for column in ("template1", "template2"))
        verdict = parse_verdict(table.cell(row, "same"))
        known = bool(rows.subjects[one] and rows.subjects[two])
        derived = rows.subjects[one] == rows.subjects[two] if known else verdict
        if derived is None or one == two or ("same" in table.columns and verdict != derived):
            raise table.malformed(
                row, "two different templates, and same as their subject_id tell (1 or 0 if they are unknown)"
            )
        fold = table.cell(row, "fold")
        if "fold" in table.columns and not (fold.isascii() and fold.isdigit() and len(fold) < 10):
            raise table.malformed(row, "an integer from 0 as fold")
        first.append(one)
        second.append(two)
        same.append(derived)
        folds.append(int(fold or 0))
    found = TemplatePairs(
        path.stem,
        np.array(first, np.int64),
        np.array(second, np.int64),
        np.array(same, bool),
        np.array(folds, np.int64) if "fold" in table.columns else tenths_of_each_kind(np.array(same, bool)),
    )
    if found.same.all() or not found.same.any():
        raise UserError(
            f"{path}: found {found.same.sum()} same pairs and {(~found.same).sum()} different pairs; expected at least one of "
            f"each. Use a list that holds both."
        )
    if len(np.unique(found.folds)) < 2:
        raise UserError(
            f"{path}: found {len(found.same)} pairs in one fold, expected at least 2 folds, as each is evaluated at the "
            "threshold of the others. Add pairs, or correct the column fold."
        )
    return found


def _index(table: CsvTable, row: tuple[int, list[str]], column: str, index_of: Mapping[str, int]) -> int:
    template = table.cell(row, column)
    if template not in index_of:
        raise table.malformed(row, f"a template_id of the file of templates, which has no {template!r}")
    return index_of[template]


def _quality(table: CsvTable, row: tuple[int, list[str]]) -> float:
    if "quality" not in table.columns:
        return 1.0
    try:
        value = float(table.cell(row, "quality"))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise table.malformed(row, "a quality of 0 or more")
    return value


def _check_quality(path: Path, rows: TemplateRows) -> None:
    if rows.quality is None:
        return
    empty = np.flatnonzero(np.bincount(rows.templates, weights=rows.quality) == 0)
    if len(empty):
        raise UserError(
            f"{path}: {len(empty)} templates have images of quality 0 only, the first {rows.ids[empty[0]]}; expected a quality "
            "above 0 in each. Correct the qualities, or remove the templates."
        )
