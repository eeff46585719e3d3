"""Rounds of measurements that alternate between the candidates, so that a slow minute of the machine hits all of them."""

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
    """Median, lowest and highest images a second of each candidate, which works through `images` images a call.

    Each is called twice before anything is timed (compilation, once more where a result is fed back, first touch of
    files), then in turn for every round.
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
    """One table: a row a candidate, with what is known of it from elsewhere."""
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
