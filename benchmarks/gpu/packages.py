"""Installation of missing packages from the wheels of the bundle. Imports only the standard library."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.gpu.results import KitError

# Distribution → the module it brings. What JAX, Flax, Optax, Orbax, PyTorch, scikit-learn, matplotlib and OpenCV bring
# themselves is expected on the machine; a wheel whose module is there already is left alone.
WHEELS = {
    "absl-py": "absl",
    "ml-collections": "ml_collections",
    "pyyaml": "yaml",
    "jaxtyping": "jaxtyping",
    "wadler-lindig": "wadler_lindig",
    "tensorboardx": "tensorboardX",
    "protobuf": "google.protobuf",
    "packaging": "packaging",
    "simplejpeg": "simplejpeg",
    "imagehash": "imagehash",
    "pooch": "pooch",
    "platformdirs": "platformdirs",
    "rich": "rich",
    "markdown-it-py": "markdown_it",
    "mdurl": "mdurl",
    "pygments": "pygments",
    "jinja2": "jinja2",
    "markupsafe": "markupsafe",
    "mtcnn": "mtcnn",
    "joblib": "joblib",
    "lz4": "lz4",
    "pytorch-metric-learning": "pytorch_metric_learning",
    "tqdm": "tqdm",
}
_PEERS = ("pytorch-metric-learning", "tqdm")  # without them their rows say so
_EXPECTED = ("jax", "flax", "optax", "orbax", "numpy", "scipy", "sklearn", "matplotlib", "PIL", "cv2")


def provide(wheels: Path, target: Path) -> None:
    """Make what this Python lacks importable, here and in processes that this one starts.

    Args:
      wheels: folder of wheels.
      target: folder to install into; what a former call left there serves again.

    Raises:
      KitError: a package is missing and no wheel brings it, or the wheels do not fit this Python.
    """
    if target.is_dir():
        _make_importable(target)
    if absent := [name for name in _EXPECTED if not _present(name)]:
        raise KitError(
            f"found no package {absent[0]} for {sys.executable}; the kit expects {', '.join(_EXPECTED)} on the machine. "
            "Install it, or use the Python that has it."
        )
    missing = [distribution for distribution, module in WHEELS.items() if not _present(module)]
    if not missing:
        return
    if not wheels.is_dir():
        missing = [distribution for distribution in missing if distribution not in _PEERS]
        if not missing:
            return
        raise KitError(
            f"found no package {WHEELS[missing[0]]}, and no folder {wheels} with wheels; use the bundle of `make gpu-bundle` "
            "whole, or install requirements.txt."
        )
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
        "--find-links", str(wheels), "--target", str(target), "--upgrade", *missing,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise KitError(
            f"the wheels of {wheels} do not fit this Python {sys.version_info.major}.{sys.version_info.minor} ({last}); the "
            "bundle is made for Python 3.12 on x86-64 Linux."
        )
    _make_importable(target)


def _present(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a submodule whose package is absent
        return False


def _make_importable(folder: Path) -> None:
    folder = folder.resolve()
    if str(folder) not in sys.path:
        # Behind everything else: what the machine has is what it uses.
        sys.path.append(str(folder))
        before = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = f"{before}{os.pathsep}{folder}" if before else str(folder)
    importlib.invalidate_caches()
