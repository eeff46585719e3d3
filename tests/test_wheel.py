"""A wheel holds what it needs and works away from the checkout, also beside JAX and NumPy alone."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
SDIST = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pip") is None or importlib.util.find_spec("setuptools") is None,
    reason="building a wheel without network needs pip and setuptools in this environment",
)


def done(command: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)


def build_wheel(source: Path, folder: Path) -> Path:
    """Build a wheel of a source tree or archive without network."""
    result = done([*PIP, "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", folder, source])
    assert result.returncode == 0, result.stdout + result.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of the checkout's sources: building in the checkout would leave folders there."""
    copy = tmp_path_factory.mktemp("source")
    for folder in ("lfw_jax", "configs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "launch.py"):
        shutil.copy(ROOT / file, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    return build_wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The wheel's files in a folder for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def call(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(installed)}
    return done([sys.executable, "-P", "-m", "lfw_jax", *arguments], cwd=folder, env=environment)


def contents(wheel: Path) -> dict[str, bytes]:
    archive = zipfile.ZipFile(wheel)
    return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def test_a_wheel_holds_every_file_of_the_package_and_the_configurations(source, wheel):
    files = [path for path in (source / "lfw_jax").rglob("*") if path.is_file()]
    package = {path.relative_to(source).as_posix(): path.read_bytes() for path in files}
    files = [path for path in (source / "configs").rglob("*.py") if path.is_file()]
    configurations = {f"lfw_jax/{path.relative_to(source).as_posix()}": path.read_bytes() for path in files}
    assert "lfw_jax/py.typed" in package
    assert any(name.endswith(".html") for name in package)
    names = {"__init__.py", "arcface.py", "cpu/__init__.py", "ablation/baseline.py"}
    assert {f"lfw_jax/configs/{name}" for name in names} <= set(configurations)
    # Of the two files __init__.py, one beside the configurations and one that points there, the former.
    assert contents(wheel) == package | configurations


def test_a_source_distribution_builds_the_same_wheel(source, wheel, tmp_path):
    result = done([sys.executable, "-c", SDIST, tmp_path], cwd=source)
    assert result.returncode == 0, result.stderr
    (archive,) = tmp_path.glob("*.tar.gz")
    assert contents(build_wheel(archive, tmp_path / "wheel")) == contents(wheel)


def test_the_command_of_the_wheel_is_the_entry_point_of_the_package(installed):
    (distribution,) = importlib.metadata.distributions(path=[str(installed)])
    (entry,) = distribution.entry_points
    assert (entry.group, entry.name) == ("console_scripts", "lfw-jax")
    assert callable(entry.load())


@pytest.mark.parametrize("name", ["arcface", "arcface.py", "configs/arcface.py", "cpu/arcface"])
def test_away_from_the_checkout_configurations_are_found_by_name(installed, tmp_path, name):
    result = call(installed, tmp_path, f"--config={name}", "--config.loss.scael=3")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "lfw-jax: --config.loss.scael: there is no config.loss.scael. Did you mean --config.loss.scale?\n"
    )


def test_away_from_the_checkout_the_default_is_found_and_can_be_changed(installed, tmp_path):
    result = call(installed, tmp_path, "--config.training.epochs=1", "--only_check_args")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_copied_configuration_imports_the_installed_base(installed, tmp_path):
    text = (installed / "lfw_jax" / "configs" / "arcface.py").read_text()
    (tmp_path / "mine.py").write_text(text.replace("    return config", "    config.seed = 7\n    return config"))
    result = call(installed, tmp_path, "--config=mine.py", "--config.seed=many")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "lfw-jax: --config.seed is 'many'; expected a whole number, as its default 7.\n"


@pytest.mark.slow
def test_the_metric_core_works_beside_jax_and_numpy_alone(wheel, tmp_path):
    environment = tmp_path / "environment"
    assert done([sys.executable, "-m", "venv", environment]).returncode == 0
    python = environment / "bin" / "python"
    install = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in ("jax", "jaxlib", "numpy", "jaxtyping")]
    if (fetched := done([*install, *wanted])).returncode:
        pytest.skip(f"JAX and NumPy cannot be fetched: {fetched.stderr.strip().splitlines()[-1]}")

    result = done([*install, "--no-index", wheel])  # whatever else it depended on would not be found
    assert result.returncode == 0, result.stderr
    code = """
import jax.numpy as jnp
from lfw_jax.metric import compare, losses
print(float(losses.contrastive(compare(jnp.eye(4), jnp.array([0, 0, 1, 1])))) > 0)
"""
    result = done([python, "-c", code], cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "True\n"), result.stderr
    result = done([environment / "bin" / "lfw-jax", "--help"], cwd=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("lfw-jax: absl-py, ")
    assert result.stderr.endswith(" are not installed; run `pip install 'lfw-jax[train]'`.\n")
    assert len(result.stderr.splitlines()) == 1
