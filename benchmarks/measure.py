"""Measurements in rounds that alternate between the candidates.

A slow period of the machine then affects all candidates alike.
"""

import os
import platform
import statistics
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table


def images_per_second(
    candidates: dict[str, Callable[[], object]], images: int, *, rounds: int
) -> dict[str, tuple[float, float, float]]:
    """Return the median, lowest and highest throughput of each candidate, in images per second.

    Each candidate processes `images` images per call. It is called twice before anything is measured (for
    compilation, for another compilation if a result is fed back, and for the first access to files), then once in
    every round.
    """
    for candidate in candidates.values():
        candidate()
        candidate()
    rates: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, candidate in candidates.items():
            began = time.perf_counter()
            candidate()
            rates[name].append(images / (time.perf_counter() - began))
    return {name: (statistics.median(values), min(values), max(values)) for name, values in rates.items()}


def print_rates(title: str, rates: dict[str, tuple[float, float, float]], notes: dict[str, str]) -> None:
    """Print a table with one row per candidate and a note on each."""
    table = Table(title=title, title_justify="left")
    for column, justify in (("", "left"), ("images/s", "right"), ("lowest–highest", "right"), ("elsewhere", "left")):
        table.add_column(column, justify=justify)
    for name, (median, lowest, highest) in rates.items():
        table.add_row(name, f"{median:.1f}", f"{lowest:.1f}–{highest:.1f}", notes.get(name, ""))
    console = Console(width=100)
    console.print(table)
    console.print(
        f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, Python {platform.python_version()}"
    )
