"""The whole GPU kit at toy size on a CPU, and the tables that are made of its results."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu.items import ITEMS
from benchmarks.gpu.render import BEGIN, END, PAGE, read_results, render, tables
from benchmarks.gpu.results import COMMITTED, KitError, read_result
from benchmarks.gpu.tables import MISSING, TABLES

ROOT = Path(__file__).parents[2]
MODULES = {item.module for item in ITEMS}


@pytest.mark.slow
def test_a_dry_run_measures_every_item_in_three_minutes_and_its_results_make_the_tables(tmp_path):
    out = tmp_path / "out"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--dry", "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-2] == f"{len(ITEMS)} measured now, 0 before, 0 left"
    results = {item.name: read_result(out, item.name) for item in ITEMS}
    assert all(result["toy"] and result["figures"] for result in results.values())
    for name in ("correctness_objectives", "correctness_network", "correctness_cascade"):
        assert results[name]["figures"]["verdict"] == "agrees"
    for name in ("arcface", "lfw_gpu"):
        files = {path.name for path in (out / name / "run").iterdir()}
        assert {"metrics.json", "history.jsonl", "scores.npz", "report.html"} <= files
    page = tables(results)
    assert MISSING not in page
    assert all(f"`{item.name}`" in page for item in ITEMS if item.module == "experiments")
    assert seconds < 180, f"a dry run took {seconds:.0f} s"


def test_every_module_of_items_has_a_table():
    assert set(TABLES) == MODULES


def test_what_is_not_measured_says_so():
    page = tables({item.name: None for item in ITEMS})
    assert page.startswith("No item has been measured on a GPU yet")
    assert page.count(MISSING) == len(ITEMS)


def test_the_tables_of_the_page_are_those_of_the_committed_results():
    text = PAGE.read_text(encoding="utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0]
    assert shown.strip() == tables(read_results(COMMITTED)).strip()


def test_rendering_replaces_what_is_between_the_marks_alone(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nstale rows\n{END}\nafter\n")
    assert render(tmp_path, page).endswith(f"0 of {len(ITEMS)} items measured")
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n\nNo item")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "stale rows" not in text
    page.write_text("no marks")
    with pytest.raises(KitError, match="found no lines"):
        render(tmp_path, page)


def test_results_of_toy_size_are_refused(tmp_path):
    result = {"format": 1, "item": "mining", "toy": True, "seconds": 1.0, "figures": {}}
    (tmp_path / "mining.json").write_text(json.dumps(result))
    with pytest.raises(KitError, match=r"mining\.json is of toy size"):
        read_results(tmp_path)
