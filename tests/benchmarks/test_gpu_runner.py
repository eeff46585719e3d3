"""The GPU kit's runner: order, time, kept results, and messages for its user."""

import contextlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.gpu import __main__ as kit
from benchmarks.gpu import bundle, packages, results, runner
from benchmarks.gpu.items import ITEMS, Item
from benchmarks.gpu.results import KitError, measured, read_result, write_result

ROOT = Path(__file__).parents[2]
# Stands in for `benchmarks.gpu.item`: what an item does is in its name.
PROGRAM = """
import json, os, subprocess, sys, time
sys.path.insert(0, os.getcwd())
from benchmarks.gpu.item import end_with_parent
end_with_parent()
name, folder = sys.argv[1], sys.argv[sys.argv.index("--folder") + 1]
print("log of", name, flush=True)
if name.startswith("slow"):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    open(os.path.join(folder, "child"), "w").write(str(child.pid))
    time.sleep(60)
if name.startswith("bad"):
    print("bad: the card is on fire", file=sys.stderr)
    sys.exit(2)
result = {"format": 1, "item": name, "toy": "--toy" in sys.argv, "seconds": 7.0, "figures": {"order": time.time()}}
json.dump(result, open(os.path.join(folder, name + ".json"), "w"))
if name.startswith("late"):
    sys.exit(1)
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return (sys.executable, str(path))


def item(name: str, seconds: float = 1.0, limit: float = 20.0) -> Item:
    return Item(name, name, "none", seconds, limit)


def run(items, tmp_path, program, *, minutes=5.0, **options):
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    options = dict(committed=None, say=lambda _: None) | options
    return runner.run_items(
        items, data=tmp_path / "data.npz", out=out, deadline=time.monotonic() + 60 * minutes, program=program, **options
    )


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    return "State:\tZ" not in status


def test_items_are_measured_in_order_and_leave_a_result_and_a_log_each(tmp_path, program):
    outcomes = run([item("b"), item("a")], tmp_path, program)
    assert [(one.item.name, one.state) for one in outcomes] == [("b", runner.MEASURED), ("a", runner.MEASURED)]
    found = [read_result(tmp_path / "out", name)["figures"]["order"] for name in ("b", "a")]
    assert found == sorted(found)
    assert (tmp_path / "out" / "a.log").read_text() == "log of a\n"


def test_what_is_committed_is_not_measured_unless_asked_for_again(tmp_path, program):
    committed = tmp_path / "committed"
    committed.mkdir()
    write_result(committed, "a", {"item": "a", "toy": False, "seconds": 3.0, "figures": {}})
    write_result(committed, "b", {"item": "b", "toy": True, "seconds": 3.0, "figures": {}})
    outcomes = run([item("a"), item("b")], tmp_path, program, committed=committed)
    assert [one.state for one in outcomes] == [runner.KEPT, runner.MEASURED]
    outcomes = run([item("a"), item("b")], tmp_path, program, committed=committed, again=["a"])
    assert [one.state for one in outcomes] == [runner.MEASURED, runner.KEPT]


def test_an_item_that_does_not_fit_is_left_and_a_shorter_one_started(tmp_path, program):
    outcomes = run([item("long", seconds=400.0), item("short")], tmp_path, program, minutes=1.0)
    assert [one.state for one in outcomes] == [runner.NO_TIME, runner.MEASURED]
    assert "needs about 400 s" in outcomes[0].note
    lines = runner.table(outcomes, tmp_path).splitlines()
    assert max(map(len, lines[:-1])) < 80
    assert lines[-2] == "1 measured now, 0 before, 1 left"


def test_an_item_is_expected_to_take_as_long_as_last_time(tmp_path):
    write_result(tmp_path, "a", {"item": "a", "toy": False, "seconds": 33.0, "figures": {}})
    assert runner.estimate(item("a", seconds=400.0), [tmp_path]) == 33.0
    assert runner.estimate(item("b", seconds=400.0), [tmp_path]) == 400.0


def test_an_item_is_stopped_at_its_limit_with_all_its_processes(tmp_path, program):
    outcomes = run([item("slow", limit=3.0), item("a")], tmp_path, program)
    assert [one.state for one in outcomes] == [runner.STOPPED, runner.MEASURED]
    assert not alive(int((tmp_path / "out" / "child").read_text()))


@pytest.mark.parametrize(("name", "state"), [("bad", runner.FAILED), ("late", runner.MEASURED)])
def test_an_item_counts_by_its_result_and_a_failure_says_why(tmp_path, program, name, state):
    (outcome,) = run([item(name)], tmp_path, program)
    assert outcome.state == state
    assert outcome.note == ("bad: the card is on fire" if state == runner.FAILED else "")


def command_lines_with(text: str) -> list[str]:
    """The command lines of running processes that contain a text, on Linux."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # the process has ended meanwhile
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if text in line]


def test_a_killed_kit_loses_the_item_under_way_alone(tmp_path, program):
    code = f"""
import sys, time
from pathlib import Path
from benchmarks.gpu import runner
from benchmarks.gpu.items import Item
items = [Item(name, name, "none", 1, 50) for name in ("a", "slow")]
runner.run_items(items, data=Path("x"), out=Path({str(tmp_path)!r}), deadline=time.monotonic() + 100, committed=None,
                 program={program!r})
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL)
    ends = time.monotonic() + 60
    while not (tmp_path / "child").exists() and time.monotonic() < ends:
        time.sleep(0.1)
    process.kill()
    process.wait()
    assert read_result(tmp_path, "a")["figures"]
    assert read_result(tmp_path, "slow") is None
    time.sleep(2)
    assert not command_lines_with(f"{program[1]} slow")
    assert not alive(int((tmp_path / "child").read_text()))


def test_a_result_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    write_result(tmp_path, "a", {"item": "a", "toy": False, "seconds": 3.0, "figures": {"x": 1}})

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(KitError, match=r"a\.json cannot be written \(No space left on device\).*are kept"):
        write_result(tmp_path, "a", {"item": "a", "toy": False, "seconds": 3.0, "figures": {"x": 2}})
    assert read_result(tmp_path, "a")["figures"] == {"x": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2, "item": "a"}', '{"format": 1, "item": "b"}'])
def test_a_damaged_result_is_named(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(KitError, match=r"a\.json: not a result of this kit"):
        measured([tmp_path], "a")


def test_every_item_has_a_module_that_measures_it_and_a_limit_above_its_estimate():
    assert len({one.name for one in ITEMS}) == len(ITEMS)
    for one in ITEMS:
        assert (ROOT / "benchmarks" / "gpu" / f"{one.module}.py").is_file()
        assert one.limit > one.seconds > 0


def card(folder: Path, **changes) -> Path:
    """A bundle of files with nothing in them."""
    for name in (bundle.DATA, *bundle.LISTS):
        (folder / name).write_bytes(b"")
    files = {bundle.DATA: (0, bundle._sha256(folder / bundle.DATA))}
    (folder / bundle.CARD).write_text(json.dumps({"bundle": bundle.VERSION, "files": files} | changes))
    return folder / bundle.DATA


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--data is missing"),
        (["--data=nowhere.npz"], "found no file at nowhere.npz"),
        (["--data={data}", "--minutes=0"], "--minutes is 0; expected a number above 0"),
        (["--data={data}", "--minutes=0.1"], "less than the first item needs: correctness_objectives takes about"),
        (["--data={data}", "--minutes=20"], "found no GPU (JAX finds cpu)"),
        (["--data={data}", "--again=speed"], "found no item 'speed'; the items are alignment, arcface"),
        (["--data={data}", "--out={data}"], "cannot be made"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_exit_code_2(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = card(tmp_path)
    assert kit.main([argument.format(data=data) for argument in arguments]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.startswith("benchmarks.gpu: ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: card(folder, bundle=99), "a bundle of version 99, expected 1"),
        (lambda folder: (folder / "pairsDevTest.txt").unlink(), r"found no pairsDevTest\.txt"),
        (lambda folder: (folder / bundle.CARD).unlink(), r"found no bundle\.json"),
        (lambda folder: (folder / bundle.CARD).write_text("{}"), "not the card of a bundle"),
        (lambda folder: (folder / bundle.DATA).write_bytes(b"x"), "is not the file that the bundle was made with"),
    ],
)
def test_a_bundle_that_is_not_whole_is_refused(harm, said, tmp_path):
    data = card(tmp_path)
    bundle.check_bundle(data)
    harm(tmp_path)
    with pytest.raises(KitError, match=said):
        bundle.check_bundle(data)


def test_missing_packages_need_the_wheels(tmp_path, monkeypatch):
    monkeypatch.setitem(packages.WHEELS, "no-such-package", "no_such_package")
    with pytest.raises(KitError, match=r"found no package no_such_package, and no folder .*wheels"):
        packages.provide(tmp_path / "wheels", tmp_path / "packages")
    (tmp_path / "wheels").mkdir()
    with pytest.raises(KitError, match="do not fit this Python"):
        packages.provide(tmp_path / "wheels", tmp_path / "packages")


def test_the_runner_needs_the_standard_library_alone():
    code = """
import sys
import benchmarks.gpu.__main__
outside = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"benchmarks", "__main__"}
print(sorted(name for name in outside if not name.startswith(("_", "sitecustomize", "site"))))
"""
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_last_thing_printed_is_a_table_that_names_every_item():
    outcomes = [runner.Outcome(one, runner.NO_TIME, note="x" * 100) for one in ITEMS]
    shown = runner.table(outcomes, results.COMMITTED)
    assert all(re.search(rf"^{one.name}\s+no time left", shown, re.MULTILINE) for one in ITEMS)
