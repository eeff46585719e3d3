"""The command `lfw-jax`, which `python -m lfw_jax` and `python launch.py` also run.

It imports nothing beyond the standard library and this package until the packages of the extra `train` are known to be installed.
"""

import importlib.util
import signal
import sys

from lfw_jax.jobs.word_lists import listed

# Top-level module → package, for every package of the extra `train` in pyproject.toml.
TRAIN = {
    "absl": "absl-py",
    "cv2": "opencv-python-headless",
    "flax": "flax",
    "imagehash": "imagehash",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "ml_collections": "ml-collections",
    "mtcnn": "mtcnn",
    "optax": "optax",
    "orbax": "orbax-checkpoint",
    "PIL": "pillow",
    "pooch": "pooch",
    "rich": "rich",
    "safetensors": "safetensors",
    "simplejpeg": "simplejpeg",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "tensorboardX": "tensorboardX",
    "threadpoolctl": "threadpoolctl",
}


def main(program: str = "lfw-jax") -> None:
    """Run the job that the command line asks for.

    Args:
      program: the name of the program in messages.
    """
    if missing := missing_packages():
        verb = "is" if len(missing) == 1 else "are"
        print(
            f"{program}: {listed(missing)} {verb} not installed; run `pip install 'lfw-jax[train]'`.", file=sys.stderr
        )
        sys.exit(2)
    former = signal.signal(signal.SIGTERM, _terminate)
    try:
        from lfw_jax.jobs import command_line  # here, because it imports packages of the extra

        command_line.run(program)
    except KeyboardInterrupt:
        print(f"{program}: interrupted.", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)
    finally:
        signal.signal(signal.SIGTERM, former)


def _terminate(number: int, _: object) -> None:
    """End the process with the exit code of its signal, and remove unfinished files on the way."""
    sys.exit(128 + number)


def missing_packages() -> list[str]:
    """Return the packages of the extra `train` that are not installed, without importing any."""
    return sorted(package for module, package in TRAIN.items() if importlib.util.find_spec(module) is None)


if __name__ == "__main__":
    main()
