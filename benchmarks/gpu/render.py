"""The GPU tables of docs/results.md, written from the committed results: no figure is typed by hand.

python -m benchmarks.gpu --render
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gpu.items import ITEMS
from benchmarks.gpu.results import KitError, read_result
from benchmarks.gpu.tables import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "results.md"
BEGIN, END = "<!-- gpu: python -m benchmarks.gpu --render -->", "<!-- gpu: end -->"

Results = Mapping[str, dict[str, Any] | None]


def render(folder: Path, page: Path = PAGE) -> str:
    """Write the tables between the marks of the page; return what was done, in a line.

    Args:
      folder: folder of the committed results.
      page: Markdown file with the lines `BEGIN` and `END`.

    Raises:
      KitError: a damaged result, one of toy size, or a page without the marks.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise KitError(f"{page}: found no lines '{BEGIN}' and '{END}'; put them where the tables belong.")
    found = read_results(folder)
    unfinished = page.with_name(f".{page.name}.{os.getpid()}")
    try:
        unfinished.write_text(f"{before}{BEGIN}\n\n{tables(found)}\n{END}{after}", encoding="utf-8")
        os.replace(unfinished, page)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise KitError(f"{page} cannot be written ({error.strerror or error}).") from error
    measured = sum(result is not None for result in found.values())
    return f"{page}: {measured} of {len(found)} items measured"


def read_results(folder: Path) -> dict[str, dict[str, Any] | None]:
    """Read the committed results of all items; None for those without.

    Raises:
      KitError: a damaged result, or one of toy size.
    """
    found = {item.name: read_result(folder, item.name) for item in ITEMS}
    for name, result in found.items():
        if result is not None and result["toy"]:
            raise KitError(f"{folder / name}.json is of toy size (--dry); only real measurements belong there.")
    return found


def tables(results: Results) -> str:
    """Return all tables as Markdown. A row that is not measured says so."""
    parts = [_machines(results)]
    for module, table in TABLES.items():
        items = {item: results[item.name] for item in ITEMS if item.module == module}
        parts.append(table({item: result and result["figures"] for item, result in items.items()}))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _machines(results: Results) -> str:
    """Return the machine, day and versions of each measurement."""
    groups: dict[str, list[str]] = {}
    for name, result in results.items():
        if result is not None:
            groups.setdefault(_machine(result), []).append(name)
    if not groups:
        return f"No item has been measured on a GPU yet ({len(ITEMS)} are prepared)."
    return "\n".join(f"* {machine}: {', '.join(names)}" for machine, names in groups.items())


def _machine(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    versions = ", ".join(
        f"{name} {machine['versions'][name]}" for name in ("jax", "flax", "torch") if name in machine["versions"]
    )
    return (
        f"{machine['devices']} × {machine['device']}, driver {machine['driver'] or 'unknown'}, {machine['cores']} cores, "
        f"Python {machine['python']}, {versions}, {result['began'][:10]}"
    )
