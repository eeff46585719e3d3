"""Definition and parsing of flags, with error messages. Imports neither JAX nor TensorFlow.

Help and error messages therefore appear without delay.
"""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from lfw_jax.errors import UserError
from lfw_jax.jobs import config_files, unexpected
from lfw_jax.jobs.argument_errors import argument_name, argument_value, explain
from lfw_jax.jobs.dispatch import JOBS, Request, run_job
from lfw_jax.jobs.mode_flags import MODE_FLAGS, define_mode_flags
from lfw_jax.jobs.standard_output import standard_output
from lfw_jax.report.terminal_text import print_lines

_HELP = ("--help", "-help", "-h", "--helpfull", "-helpfull")


def run(program: str) -> None:
    """Parse the flags and run the job.

    A UserError becomes one sentence on standard error and exit code 2. So does a full disk or a missing permission. Any
    other exception is a fault of this program: its traceback is saved to a file that one sentence names, and the exit
    code is 70. If the reader of standard output is gone, as after `| head`, the job ends without a word, with the code of a
    process that SIGPIPE ended.

    Args:
      program: Name of the program in messages, `lfw-jax` or `launch.py`.
    """
    use_large_pages()
    define_flags(program)

    def guarded(step: Callable[[list[str]], Any], arguments: list[str]) -> Any:
        try:
            return step(arguments)
        except UserError as error:
            print_lines(f"{program}: {error}", file=sys.stderr)
            sys.exit(2)
        except Exception as error:
            if isinstance(error, BrokenPipeError) and unexpected.reader_is_gone():
                sys.exit(unexpected.NO_READER)
            sentence, code = unexpected.explain(error, arguments)
            print_lines(f"{program}: {sentence}", file=sys.stderr)
            sys.exit(code)

    app.run(partial(guarded, partial(_main, program)), flags_parser=partial(guarded, partial(_parse, program)))


def define_flags(program: str) -> None:
    """Define the flags of a job.

    `--config` is a locked configuration with `--config.group.key=value` overrides.

    Args:
      program: Name of the program, under which `--help` lists the flags.
    """
    config_flags.DEFINE_config_file(
        "config",
        None,  # `_with_files` adds the file of the default configuration
        "Name of a configuration, such as arcface, or a file of your own; --config.group.key=value changes a value.",
        lock_config=True,
    )
    flags.FLAGS["config"].default_as_str = f"'{config_files.DEFAULT}'"
    flags.DEFINE_string(
        "workdir",
        "",
        "Folder of checkpoints, events and reports; the same one resumes. Default: runs/<name of config>.",
    )
    flags.DEFINE_enum(
        "mode",
        "train",
        list(JOBS),
        "train, with an evaluation at the end; evaluate a trained --workdir; align the faces of --input into --output; "
        "inspect the data of --config; export it, or --input, to --output; crossvalidate: train and evaluate a model for "
        "each fold of LFW's View 2 in --workdir; combine the folds of View 2 in --input; compare the runs in --input; verify "
        "the pairs of --input with a --model; embed the photos of --input with a --model; search a --gallery for the faces of "
        "--input; cluster the faces of --input by identity; dedupe: find photos of --input that show one picture or face "
        "twice; export-model: write a --model as ONNX, StableHLO or SavedModel to --output; serve a --model and a page on a "
        "local port.",
    )
    define_mode_flags()
    flags.DEFINE_bool("quiet", False, "Print no text and no progress, only errors.")
    flags.DEFINE_bool(
        "json", False, "Print the result as one JSON document to standard output, all text to standard error."
    )
    mode_flags = (flag.name for flag in MODE_FLAGS)
    for name in ("config", "workdir", "mode", *mode_flags, "quiet", "json"):
        flags.FLAGS.register_key_flag_for_module(program, flags.FLAGS[name])


def _main(program: str, arguments: list[str]) -> None:
    """Run the job that the flags ask for."""
    if len(arguments) > 1:
        raise UserError(f"found the argument '{arguments[1]}', expected only flags, such as --mode=train.")
    values = flags.FLAGS
    of_modes: dict[str, Any] = {flag.name: values[flag.name].value for flag in MODE_FLAGS}
    with standard_output(quiet=values.quiet, as_json=values.json) as deliver:
        run_job(
            Request(
                mode=values.mode,
                config=values.config,
                name=config_files.name_of(Path(config_flags.get_config_filename(values["config"]))),
                workdir=values.workdir,
                **of_modes,
                command=" ".join([_called(program), *sys.argv[1:]]),
                deliver=deliver,
            )
        )


def _called(program: str) -> str:
    """Return the command that starts a program: `lfw-jax`, or `python` with the path of launch.py as given."""
    return f"python {sys.argv[0]}" if program.endswith(".py") else program


def use_large_pages() -> None:
    """Restart this process with memory in large pages, if the C library supports it.

    glibc supports it from version 2.35. XLA allocates the buffers of a training step, about a gigabyte, in every
    step; on a CPU a quarter of the step is spent on mapping them in pages of 4 KB (benchmarks/training_step.py). The
    setting takes effect only at the start of a process.
    """
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ and sys.gettrace() is None:
        os.execve(sys.executable, sys.orig_argv, os.environ | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"})


def _parse(program: str, arguments: list[str]) -> list[str]:
    """Parse the flags; help is printed to standard output and ends the process.

    Raises:
      UserError: If a flag, the file of the configuration or one of its overrides is invalid.
    """
    if asked := [argument for argument in arguments if argument in _HELP]:
        _print_help(program, full=asked[0].endswith("full"))
        sys.exit(0)
    arguments = _with_files(arguments)
    try:
        rest = flags.FLAGS(arguments)
    except Exception as error:  # from the parser, ml_collections, or any code in the configuration
        raise UserError(explain(arguments, error)) from error
    if not isinstance(flags.FLAGS.config, ConfigDict):
        raise UserError(explain(arguments, TypeError("--config is not a ConfigDict")))
    if flags.FLAGS["verbosity"].using_default_value:
        flags.FLAGS.verbosity = logging.WARNING  # Orbax logs a lot; --verbosity=0 shows it
    return rest


def _print_help(program: str, *, full: bool) -> None:
    print(f"Run one job of lfw_jax: `{_called(program)} --config=arcface --workdir=runs/arcface`.\n\nflags:")
    print(flags.FLAGS.get_help() if full else flags.FLAGS.module_help(program))
    if not full:
        print("\nTry --helpfull to get a list of all flags.")


def _with_files(arguments: list[str]) -> list[str]:
    """Return the arguments with the name in each `--config` replaced by its file.

    Without `--config`, the file of the default configuration is added.

    Raises:
      UserError: If there is no such configuration. ml_collections would report this only when it is first read.
    """
    found = list(arguments)
    given = [index for index, text in enumerate(arguments) if argument_name(text) == "config"]
    for index in given:
        if (value := argument_value(arguments, index)) is not None:
            path = str(config_files.find(value))
            if "=" in arguments[index]:
                found[index] = f"--config={path}"
            else:
                found[index + 1] = path
    return found if given else [found[0], f"--config={config_files.of_name(config_files.DEFAULT)}", *found[1:]]
