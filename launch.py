"""Run one job of lfw_jax: `python launch.py --config=configs/arcface.py --workdir=runs/arcface`."""

import sys

from absl import flags

from lfw_jax.errors import UserError
from lfw_jax.jobs import command_line
from lfw_jax.jobs.dispatch import JOBS, Request, run_job

CONFIG = command_line.define_config()
WORKDIR = flags.DEFINE_string(
    "workdir", "", "Folder of checkpoints, events and reports; the same one resumes. Default: runs/<name of config>."
)
MODE = flags.DEFINE_enum(
    "mode",
    "train",
    list(JOBS),
    "train, with an evaluation at the end; evaluate a trained --workdir; align the faces of --input into --output; "
    "inspect the data of --config; export it, or --input, to --output; combine the folds of View 2 in --input.",
)
INPUT = flags.DEFINE_string(
    "input",
    "",
    "align, export: folder (or .csv, .npz, .rec, .bin) of images. Default: what --config names. combine: work "
    "directories, such as 'runs/fold*'.",
)
OUTPUT = flags.DEFINE_string("output", "", "align, combine: a folder. export: a folder, or a .rec, .bin or .npz file.")


def main(arguments: list[str]) -> None:
    """Run the job that the flags ask for."""
    if len(arguments) > 1:
        raise UserError(f"found the argument '{arguments[1]}', expected flags alone, such as --mode=train.")
    run_job(
        Request(
            mode=MODE.value,
            config=CONFIG.value,
            name=command_line.config_name(),
            workdir=WORKDIR.value,
            input=INPUT.value,
            output=OUTPUT.value,
            command=" ".join(["python", *sys.argv]),
        )
    )


if __name__ == "__main__":
    command_line.run(main)
