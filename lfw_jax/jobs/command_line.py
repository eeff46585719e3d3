"""Definition and parsing of flags, with error messages. Imports neither JAX nor TensorFlow.

Help and error messages therefore appear without delay.
"""

import difflib
import os
import runpy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from traceback import extract_tb
from typing import Any

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from lfw_jax.errors import UserError
from lfw_jax.jobs import config_files, unexpected
from lfw_jax.jobs.dispatch import JOBS, Request, run_job
from lfw_jax.jobs.standard_output import standard_output
from lfw_jax.report.terminal_text import print_lines

_HELP = ("--help", "-help", "-h", "--helpfull", "-helpfull")


def run(program: str) -> None:
    """Parse the flags and run the job.

    A UserError becomes one sentence on standard error and exit code 2. So does a full disk or a missing permission. Any
    other exception is a fault of this program: its traceback is saved to a file that one sentence names, and the exit
    code is 70.

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
        "inspect the data of --config; export it, or --input, to --output; combine the folds of View 2 in --input; compare "
        "the runs in --input; verify the pairs of --input with a trained --workdir.",
    )
    flags.DEFINE_string(
        "input",
        "",
        "align, export: folder (or .csv, .npz, .rec, .bin) of images. Default: what --config names. combine, compare: work "
        "directories, such as 'runs/fold*'; the first run is the reference if there are many. verify: two images, as "
        "a.jpg,b.jpg, or a .csv of path1,path2.",
    )
    flags.DEFINE_string(
        "output",
        "",
        "align, combine: a folder. export: a folder, or a .rec, .bin or .npz file. compare: a folder, by default runs/compare. "
        "verify: a .csv file.",
    )
    flags.DEFINE_bool("quiet", False, "Print no text and no progress, only errors.")
    flags.DEFINE_bool(
        "json", False, "Print the result as one JSON document to standard output, all text to standard error."
    )
    for name in ("config", "workdir", "mode", "input", "output", "quiet", "json"):
        flags.FLAGS.register_key_flag_for_module(program, flags.FLAGS[name])


def _main(program: str, arguments: list[str]) -> None:
    """Run the job that the flags ask for."""
    if len(arguments) > 1:
        raise UserError(f"found the argument '{arguments[1]}', expected only flags, such as --mode=train.")
    values = flags.FLAGS
    with standard_output(quiet=values.quiet, as_json=values.json) as deliver:
        run_job(
            Request(
                mode=values.mode,
                config=values.config,
                name=Path(config_flags.get_config_filename(values["config"])).stem,
                workdir=values.workdir,
                input=values.input,
                output=values.output,
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
        raise UserError(_explain(arguments, error)) from error
    if not isinstance(flags.FLAGS.config, ConfigDict):
        raise UserError(_explain(arguments, TypeError("--config is not a ConfigDict")))
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
    given = [index for index, text in enumerate(arguments) if _name(text) == "config"]
    for index in given:
        if (value := _value(arguments, index)) is not None:
            path = str(config_files.find(value))
            if "=" in arguments[index]:
                found[index] = f"--config={path}"
            else:
                found[index + 1] = path
    return found if given else [found[0], f"--config={config_files.of_name(config_files.DEFAULT)}", *found[1:]]


def _config_path(arguments: list[str]) -> str:
    """Return the file of the last `--config` of arguments as `_with_files` returns them."""
    given = [_value(arguments, index) for index, text in enumerate(arguments) if _name(text) == "config"]
    return given[-1] or ""


def _explain(arguments: list[str], error: Exception) -> str:
    """Return the error of the configuration's file or of its first invalid override.

    If both are valid, it is the message of the parser.
    """
    path = _config_path(arguments)
    try:
        config = runpy.run_path(path)["get_config"]()
    except Exception as fault:
        return _file_fault(path, fault)
    if not isinstance(config, ConfigDict):
        return f"--config: get_config of {path} returned {type(config).__name__}, expected a ConfigDict."
    overrides = [(index, _name(text)) for index, text in enumerate(arguments) if _name(text).startswith("config.")]
    for index, name in overrides:
        if fault := _override_fault(config, name, index, arguments):
            return fault
    return f"{str(error).strip().splitlines()[-1]} (--help lists the flags.)"


def _file_fault(path: str, fault: Exception) -> str:
    """Return the reason why the file of a configuration cannot be loaded, with line and remedy."""
    if isinstance(fault, KeyError) and fault.args == ("get_config",):
        return f"--config: {path} defines no function get_config, which returns the configuration."
    lines = [frame.lineno for frame in extract_tb(fault.__traceback__) if frame.filename == path]
    line = f", line {lines[-1]}" if lines else ""
    advice = " The shared base is `from lfw_jax.configs import base`." if isinstance(fault, ImportError) else ""
    return f"--config: {path} cannot be loaded: {type(fault).__name__}: {fault}{line}.{advice}"


def _name(argument: str) -> str:
    return argument.lstrip("-").partition("=")[0] if argument.startswith("-") else ""


def _value(arguments: list[str], index: int) -> str | None:
    _, equals, value = arguments[index].partition("=")
    if equals:
        return value
    return arguments[index + 1] if index + 1 < len(arguments) else None


def _override_fault(config: ConfigDict, name: str, index: int, arguments: list[str]) -> str | None:
    """Return the error of one `--config.a.b=value`: an unknown key or a wrong type.

    For an unknown key it suggests the nearest known one.
    """
    node: Any = config
    keys = name.split(".")[1:]
    for depth, key in enumerate(keys):
        before = ".".join(["config", *keys[:depth]])
        if not isinstance(node, ConfigDict):
            return f"--{name}: {before} is a value ({node!r}) and has no part '{key}'."
        if key not in node:
            return f"--{name}: there is no {before}.{key}. {_nearest(config, node, before, key)}"
        node = node[key]
    if isinstance(node, ConfigDict):
        return f"--{name} is a group; set one of its keys: {', '.join(sorted(node))}."
    value = _value(arguments, index)
    for kind, expected in ((bool, "true or false"), (int, "a whole number"), (float, "a number")):
        if isinstance(node, kind):
            try:
                ok = value is not None and (
                    value.lower() in ("true", "false", "1", "0") if kind is bool else [kind(value)]
                )
            except ValueError:
                ok = False
            return None if ok else f"--{name} is '{value}'; expected {expected}, as its default {node}."
    return None


def _nearest(config: ConfigDict, node: ConfigDict, before: str, key: str) -> str:
    here = difflib.get_close_matches(key, list(node), 1, 0.6)
    if here:
        return f"Did you mean --{before}.{here[0]}?"
    everywhere = {path.rpartition(".")[2]: path for path in paths(config)}
    if elsewhere := difflib.get_close_matches(key, list(everywhere), 1, 0.6):
        return f"Did you mean --{everywhere[elsewhere[0]]}?"
    return f"{before} has {', '.join(sorted(node))}."


def paths(config: ConfigDict, prefix: str = "config") -> list[str]:
    """Return every key of a configuration with its groups, such as "config.loss.margin"."""
    found = []
    for key, value in config.items():
        found += paths(value, f"{prefix}.{key}") if isinstance(value, ConfigDict) else [f"{prefix}.{key}"]
    return found
