"""The lock files and the extras agree with each other, with what was asked for and with what is imported."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lfw_jax.__main__ import TRAIN

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.txt", "requirements-cpu.txt")
# What the project's user listed; jax[cuda] shows in the lock as JAX's CUDA plugin.
LISTED = ("jax", "flax", "optax", "tensorflow-datasets", "numpy", "scikit-learn", "absl-py", "mtcnn")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
GPU_ONLY = re.compile(r"nvidia|cuda|^tensorflow(-cpu)?$")


def pins(name: str) -> dict[tuple[str, str], str]:
    """(package, marker) → version of every pin of a lock file."""
    found = {}
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            found[canonicalize_name(requirement.name), str(requirement.marker or "")] = pin.version
    return found


def test_both_locks_pin_the_same_versions():
    gpu, cpu = ({key: v for key, v in pins(name).items() if not GPU_ONLY.search(key[0])} for name in LOCKS)
    assert gpu == cpu


def test_only_the_gpu_lock_has_cuda():
    gpu, cpu = ({name for name, _ in pins(lock)} for lock in LOCKS)
    assert any(name.startswith("jax-cuda") for name in gpu)
    assert not any("cuda" in name or "nvidia" in name for name in cpu)


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_the_user_listed_is_pinned(lock):
    assert set(LISTED) <= {name for name, _ in pins(lock)}


@pytest.mark.parametrize("lock", LOCKS)
def test_direct_dependencies_are_pinned_within_their_bounds(lock):
    pinned = pins(lock)
    asked = [*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)]
    for text in asked:
        requirement = Requirement(text)
        if requirement.name in ("lfw-jax", "tensorflow"):  # itself with other extras; tensorflow-cpu in one lock
            continue
        versions = [v for (name, _), v in pinned.items() if name == canonicalize_name(requirement.name)]
        assert versions, f"{requirement.name} is not in {lock}"
        assert all(version in requirement.specifier for version in versions), f"{text}: {lock} has {versions}"


@pytest.mark.parametrize("lock", LOCKS)
def test_no_host_and_no_path_of_a_machine_in_a_lock(lock):
    assert not re.search(r"https?://|--index|--find-links|(^|\s)/\w", (ROOT / lock).read_text())


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def test_the_base_dependencies_are_what_the_metric_core_imports():
    imported = set()
    for path in (ROOT / "lfw_jax" / "metric").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(str(node.module).partition(".")[0])
    assert imported - sys.stdlib_module_names - {"lfw_jax"} == names(PROJECT["dependencies"])


def test_the_command_knows_every_package_of_the_extra_train():
    assert {canonicalize_name(package) for package in TRAIN.values()} == names(EXTRAS["train"])


def test_the_extra_all_refers_to_every_other_but_cuda():
    (text,) = EXTRAS["all"]
    requirement = Requirement(text)
    assert (requirement.name, requirement.extras) == (PROJECT["name"], set(EXTRAS) - {"all", "cuda"})


@pytest.mark.parametrize(("extra", "inner"), [("tensorflow", "train"), ("beam", "tensorflow")])
def test_an_extra_brings_the_extras_that_it_builds_on(extra, inner):
    assert f"lfw-jax[{inner}]" in EXTRAS[extra]
