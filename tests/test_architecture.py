"""What an import contract cannot see: who names pmap, who loads TensorFlow, how fast flags answer."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_only_one_file_names_pmap():
    naming = {path.name for path in (ROOT / "lfw_jax").rglob("*.py") if "jax.pmap" in path.read_text()}
    assert naming == {"devices.py"}


def test_everything_but_tf_data_and_faces_imports_without_tensorflow():
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / "lfw_jax").rglob("*.py"))
    ]
    code = f"""
import importlib, sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tensorflow_datasets", "mtcnn"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
for name in {modules}:
    importlib.import_module(name)
print(len({modules}))
"""
    assert int(run(code)) == len(modules)


def test_the_metric_core_needs_jax_and_numpy_alone():
    code = """
import sys, lfw_jax.metric
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"flax", "optax", "orbax", "ml_collections", "sklearn", "PIL", "matplotlib", "tensorflow"}))
"""
    assert run(code).strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--help"], "--workdir"),
        (["--config=configs/arcface.py", "--config.loss.scael=3"], "--config.loss.scale"),
        (["--config=configs/arcface.py", "--config.data.batch_size=3"], "--config.sampler.batch_size"),
        (["--config=configs/arcface.py", "--config.seed=many"], "a whole number"),
        (["--config=configs/arcfaces.py"], "arcface.py"),
        (["--config=configs/arcface.py", "--mode=trian"], "train"),
        (["--config=configs/arcface.py", "--workdri=x"], "workdir"),
    ],
)
def test_help_and_flag_errors_answer_without_loading_jax(arguments, expected):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "launch.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    imports = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    said = "\n".join(line for line in done.stderr.splitlines() if not line.startswith("import time:"))
    assert expected in done.stdout + said
    assert (done.returncode != 0) or arguments == ["--help"]
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 2
    # The reason why it is quick, rather than a stopwatch: none of the heavy packages was imported.
    assert not any(
        f" {package}" in line for line in imports for package in ("jax", "tensorflow", "flax", "numpy.random")
    )
