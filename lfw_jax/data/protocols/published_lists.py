"""Reading the lists of CALFW, CPLFW and CFP, and lists of `path path verdict`.

Each reader names the source of its format. AgeDB-30's own list is a MATLAB file and is not supported: use the `.bin` file of
the set, a list of `path path verdict`, or a CSV file.
"""

from pathlib import Path

import numpy as np

from lfw_jax.data.protocols.list_format import Line, malformed, parse_number, parse_verdict, read_lines, split_fields
from lfw_jax.data.protocols.path_pairs import PathPairs, tenths, tenths_of_each_kind
from lfw_jax.errors import UserError


def read_path_list(path: Path) -> PathPairs:
    """Read a list of paths with two lines per pair, as in CALFW and CPLFW, or with one.

    Two lines: `file number`, with the same number in both; 0 means different identities. The number of same pairs is the fold in
    `pairs_CALFW.txt` (Zheng et al. 2017) and 1 in `pairs_CPLFW.txt` (Zheng & Deng 2018). Each fold has consecutive tenths of
    the same and of the different pairs, as in FaceX-Zoo's `pairs_parser.py`.
    One line: `path path verdict`, separated by tabs, blanks or commas; 1 means the same identity, 0 or -1 different ones (as in
    Face_Pytorch's `agedb_30_pair.txt` and `cfp_fp_pair.txt`). The ten folds are consecutive. The fields of a two-line list are
    separated by a tab or by the last blank.

    Args:
      path: the file.

    Returns:
      The pairs, named after the file.

    Raises:
      UserError: the list has neither format; the message has the line.
    """
    lines = read_lines(path)
    if _is_file_and_number(lines[0][1]):
        return _read_two_lines_per_pair(path, lines)
    first, second, same = [], [], []
    for line in lines:
        fields = _three_fields(line[1])
        verdict = parse_verdict(fields[2]) if len(fields) == 3 else None
        if verdict is None or fields[0] == fields[1]:
            expected = "`path path verdict` with 1, 0 or -1 as the verdict, or two lines `file number` per pair"
            raise malformed(path, line, f"{expected}, or a first line `N` or `F N` as in LFW's lists")
        first.append(fields[0])
        second.append(fields[1])
        same.append(verdict)
    return PathPairs(path.stem, first, second, np.array(same, bool), folds=tenths(len(same)))


def _is_file_and_number(line: str) -> bool:
    """Return True for the first line of a list with two lines per pair."""
    if "\t" in line:
        return len([field for field in line.split("\t") if field.strip()]) == 2
    return len(line.split()) == 2


def _three_fields(line: str) -> list[str]:
    """Split at two commas if a verdict follows them, or else at tabs or blanks."""
    by_comma = [field.strip() for field in line.split(",")]
    if len(by_comma) == 3 and parse_verdict(by_comma[2]) is not None:
        return by_comma
    return split_fields(line, 3)


def _read_two_lines_per_pair(path: Path, lines: list[Line]) -> PathPairs:
    entries: list[tuple[str, int]] = []
    for line in lines:
        name, number = ([part.strip() for part in line[1].rsplit("\t" if "\t" in line[1] else None, 1)] + [""])[:2]
        if not name or not (number.isascii() and number.isdigit()):
            raise malformed(path, line, "`file number`, with the number 0 for different identities")
        entries.append((name, int(number)))
    if len(lines) % 2:
        raise malformed(path, lines[-1], "another line after it, as each pair has two lines")
    for line, (_, number), (_, other) in zip(lines[1::2], entries[::2], entries[1::2], strict=True):
        if number != other:
            raise malformed(
                path, line, f"the number {number} of the line before, as both lines of a pair have the same number"
            )
    same = np.array([number != 0 for _, number in entries[::2]])
    names = [name for name, _ in entries]
    return PathPairs(path.stem, names[::2], names[1::2], same, folds=tenths_of_each_kind(same))


def is_cfp_split(folder: Path) -> bool:
    """Return True if a folder is CFP's `Protocol/Split/FF` or `Protocol/Split/FP`."""
    return folder.name in ("FF", "FP") and (folder.parent.parent / "Pair_list_F.txt").is_file()


def read_cfp(folder: Path) -> PathPairs:
    """Read CFP's frontal-frontal or frontal-profile protocol (Sengupta et al., WACV 2016).

    `Pair_list_F.txt` and `Pair_list_P.txt` number the frontal and the profile images: `number path`, relative to `Protocol`.
    Each of the ten folders of `Split/FF` or `Split/FP` is a fold. Its `same.txt` and `diff.txt` have one line `a,b` per pair:
    image a of the frontal list, image b of the frontal or the profile list. Several public readers of the set agree on this
    layout.

    Args:
      folder: `…/Protocol/Split/FP` or `…/Protocol/Split/FF`.

    Returns:
      The pairs, named CFP-FP or CFP-FF.

    Raises:
      UserError: a file is missing, or a line has another format.
    """
    protocol = folder.parent.parent
    frontal = _cfp_images(protocol / "Pair_list_F.txt")
    others = _cfp_images(protocol / "Pair_list_P.txt") if folder.name == "FP" else frontal
    first, second, same, folds = [], [], [], []
    parts = sorted(part for part in folder.iterdir() if part.is_dir())
    for fold, part in enumerate(parts):
        for name, verdict in (("same.txt", True), ("diff.txt", False)):
            for line in read_lines(part / name):
                one, _, other = (number.strip() for number in line[1].partition(","))
                if one not in frontal or other not in others:
                    raise malformed(part / name, line, "`a,b`, two numbers from the lists of images")
                first.append(frontal[one])
                second.append(others[other])
                same.append(verdict)
                folds.append(fold)
    if len(parts) < 2:
        raise UserError(
            f"{folder}: found {len(parts)} folders in it, expected ten folds, 01 to 10. Unpack the set again."
        )
    people = {path: Path(path).parts[-3] for path in (*first, *second)}
    return PathPairs(f"CFP-{folder.name}", first, second, np.array(same, bool), np.array(folds), identities=people)


def _cfp_images(path: Path) -> dict[str, str]:
    images = {}
    for line in read_lines(path):
        number, _, image = line[1].partition(" ")
        if parse_number(number) is None or len(Path(image.strip()).parts) < 3:
            raise malformed(path, line, "`number path`, with the path as <identity>/<frontal or profile>/<image>")
        images[number] = image.strip()
    return images
