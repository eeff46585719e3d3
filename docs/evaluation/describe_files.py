"""Write the tables of `docs/evaluation/metrics_json.md` from the dataclasses of the files that runs leave.

    python docs/evaluation/describe_files.py

A test compares the page with the dataclasses, so run this after a field was added, renamed or given another description.
"""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lfw_jax.evaluation.calibration.decision import Decision, SavedCalibration
from lfw_jax.evaluation.comparison.results import ComparisonMetrics
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.view2 import View2Metrics
from lfw_jax.jobs.call import Paused
from lfw_jax.jobs.crossvalidate import UnfinishedFolds
from lfw_jax.jobs.fusion_file import SavedFusion
from lfw_jax.training.history import HistoryRow
from lfw_jax.typed_json import JSON_KEY

PAGE = Path(__file__).parent / "metrics_json.md"
MARK = "<!-- Below this line: python docs/evaluation/describe_files.py -->"
FILES = {
    "metrics.json": RunMetrics,
    "history.jsonl, each line": HistoryRow,
    "A training that paused": Paused,
    "view2.json": View2Metrics,
    "A cross-validation without a result": UnfinishedFolds,
    "compare.json": ComparisonMetrics,
    "calibration.json": SavedCalibration,
    "fusion.json": SavedFusion,
    "Each decision of --mode=verify": Decision,
}

_SCALARS = {str: "text", bool: "true or false", int: "whole number", float: "number"}
_UNITS = (
    (r"seconds$", "s"),
    (r"minutes$", "min"),
    (r"images_per_second$", "images/s"),
    (r"threshold(s)?$|distance(_mean)?$", "distance"),
    (
        r"accurac|interval$|^f1$|precision(_at_1)?$|^map_at_r$|recall$|^rate$|_rate$|_error$|_std$|^mean$|^auc|^value$|p_value$|^difference$",
        "share",
    ),
    (r"^shift$", "pixels"),
)


def described(kind: type) -> dict[str, str]:
    """Return the meaning of each field of a dataclass, from the section `Attributes` of its docstring."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    found, name = dict[str, str](), ""
    for line in section.partition("\n\n")[0].splitlines():
        if match := re.match(r" {2}(\w+): (.*)", line):
            name, found[match[1]] = match[1], match[2]
        else:
            found[name] += f" {line.strip()}"
    return found


def kinds_in(kind: Any) -> list[type]:
    """Return the dataclasses of a type, each before those of its own fields."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        fields = typing.get_type_hints(kind).values()
        return list(dict.fromkeys([kind, *(inner for field in fields for inner in kinds_in(field))]))
    return [inner for argument in typing.get_args(kind) for inner in kinds_in(argument)]


def in_words(kind: Any) -> str:
    """Return the JSON form of a type: "list of number", "text or null" and so on."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return " or ".join("null" if one is types.NoneType else in_words(one) for one in arguments)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"list of {in_words(arguments[0])}"
        return f"list of {len(arguments)}: {', '.join(dict.fromkeys(map(in_words, arguments)))}"
    if origin is Mapping:
        return f"{in_words(arguments[1])} by name"
    return _SCALARS[kind] if kind in _SCALARS else f"[{kind.__name__}](#{kind.__name__.lower()})"


def unit_of(key: str, kind: Any) -> str:
    """Return the unit of a number: of a share in [0, 1], of a Euclidean distance in [0, 2], and so on."""
    if "number" not in in_words(kind).replace("whole number", "") and key != "shift":
        return ""
    return next((unit for pattern, unit in _UNITS if re.search(pattern, key)), "")


def table(kind: type) -> list[str]:
    """Return the table of a dataclass: one row per key."""
    meanings, hints = described(kind), typing.get_type_hints(kind)
    lines = ["| Key | Type | Unit | Meaning |", "|---|---|---|---|"]
    for field in dataclasses.fields(kind):
        key = field.metadata.get(JSON_KEY, field.name)
        has_default = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        meaning = re.sub(r"\bNone\b", "null", meanings[field.name]).replace("|", "\\|")
        meaning = meaning[:1].upper() + meaning[1:]
        absent = " Absent while it holds its default." if has_default else ""
        lines.append(
            f"| `{key}` | {in_words(hints[field.name])} | {unit_of(key, hints[field.name])} | {meaning}{absent} |"
        )
    return lines


def tables() -> str:
    """Return the generated part of the page."""
    lines: list[str] = []
    written: set[type] = set()
    for title, root in FILES.items():
        lines += ["", f"## {title}"]
        for kind in kinds_in(root):
            if kind not in written:
                summary = (inspect.getdoc(kind) or "").partition("\n\nAttributes:")[0]
                lines += ["", f"### {kind.__name__}", "", " ".join(summary.split()), "", *table(kind)]
        written |= set(kinds_in(root))
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """Return the text of the page with its generated part replaced.

    Args:
      text: the present text.
    """
    return text.partition(MARK)[0] + MARK + "\n" + tables()


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
