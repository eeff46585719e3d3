"""Run one job of lfw_jax: `python launch.py --config=configs/arcface.py --workdir=runs/arcface`."""

import os
import sys

from absl import flags

from lfw_jax.errors import UserError
from lfw_jax.jobs import command_line

CONFIG = command_line.define_config()
WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of checkpoints, events and reports; the same one resumes. Default: runs/<name of config>."
)
MODE = flags.DEFINE_enum(
    "mode", "train", ["train", "evaluate"], "train, with an evaluation at the end, or evaluate a trained --workdir."
)


def main(arguments: list[str]) -> None:
    """Run the job that the flags ask for."""
    if len(arguments) > 1:
        raise UserError(f"found the argument '{arguments[1]}', expected flags alone, such as --mode=train.")
    name = command_line.config_name()
    # Imported here: --help and a misspelt flag answer before JAX and TensorFlow are loaded.
    from lfw_jax.jobs.train_and_evaluate import run

    run(
        CONFIG.value,
        WORKDIR.value or os.path.join("runs", name),
        name=name,
        train=MODE.value == "train",
        command=" ".join(["python", *sys.argv]),
    )


if __name__ == "__main__":
    command_line.run(main)
