"""Flags, and what a user reads when they are wrong. Imports neither JAX nor TensorFlow, so that it answers at once."""

import difflib
import os
import runpy
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from lfw_jax.errors import UserError

DEFAULT_CONFIG = "configs/quickstart.py"


def run(main: Callable[[list[str]], None]) -> None:
    """Parse the flags and call `main`; a user's mistake becomes one sentence on standard error and exit code 2."""

    use_large_pages()

    def guarded(arguments: list[str]) -> None:
        try:
            main(arguments)
        except UserError as error:
            _refuse(error)

    app.run(guarded, flags_parser=_parse)


def use_large_pages() -> None:
    """Start this process anew with memory in large pages, where the C library knows how (glibc 2.35 and later).

    XLA allocates a training step's buffers, about a gigabyte, afresh each time; on a CPU a quarter of the step goes into
    mapping them in pages of 4 KB (benchmarks/training_step.py). The setting is read at the start of a process alone.
    """
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ and sys.gettrace() is None:
        os.execve(sys.executable, sys.orig_argv, os.environ | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"})


def _refuse(error: UserError) -> NoReturn:
    print(f"launch.py: {error}", file=sys.stderr)
    sys.exit(2)


def _parse(arguments: list[str]) -> list[str]:
    try:
        if any(argument in ("--help", "-help", "-h", "--helpfull") for argument in arguments):
            return app.parse_flags_with_usage(arguments)
        _check_file(arguments)
        rest = flags.FLAGS(arguments)
        if flags.FLAGS["verbosity"].using_default_value:
            flags.FLAGS.verbosity = logging.WARNING  # Orbax tells at length of what it does; --verbosity=0 shows it
        return rest
    except UserError as error:
        _refuse(error)
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        _refuse(UserError(_explain(arguments, error)))


def _check_file(arguments: list[str]) -> None:
    """Say so at once if there is no such configuration: ml_collections would tell only when it is first read."""
    path = _config_path(arguments)
    if os.path.isfile(path):
        return
    files = os.listdir("configs") if os.path.isdir("configs") else []
    known = sorted(name for name in files if name.endswith(".py") and name != "base.py")
    advice = f"there are {', '.join(known)} in configs/" if known else "run it where launch.py is"
    raise UserError(f"--config: found no file {path}; {advice}.")


def _config_path(arguments: list[str]) -> str:
    given = [_value(arguments, place) for place, text in enumerate(arguments) if _name(text) == "config"]
    return (given[-1] if given else None) or DEFAULT_CONFIG


def _explain(arguments: list[str], error: Exception) -> str:
    """The first `--config…` argument that does not fit, in words; else what the parser said."""
    overrides = [(place, _name(text)) for place, text in enumerate(arguments) if _name(text).startswith("config.")]
    if overrides:
        config = runpy.run_path(_config_path(arguments))["get_config"]()
        for place, name in overrides:
            if fault := _override_fault(config, name, place, arguments):
                return fault
    return f"{str(error).strip().splitlines()[-1]} (--help lists the flags.)"


def _name(argument: str) -> str:
    return argument.lstrip("-").partition("=")[0] if argument.startswith("-") else ""


def _value(arguments: list[str], place: int) -> str | None:
    _, equals, value = arguments[place].partition("=")
    if equals:
        return value
    return arguments[place + 1] if place + 1 < len(arguments) else None


def _override_fault(config: ConfigDict, name: str, place: int, arguments: list[str]) -> str | None:
    """What is wrong with one `--config.a.b=value`: an unknown key, with the nearest right one, or a value's type."""
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
    value = _value(arguments, place)
    for kind, what in ((bool, "true or false"), (int, "a whole number"), (float, "a number")):
        if isinstance(node, kind):
            try:
                ok = value is not None and (
                    value.lower() in ("true", "false", "1", "0") if kind is bool else [kind(value)]
                )
            except ValueError:
                ok = False
            return None if ok else f"--{name} is '{value}'; expected {what}, as its default {node}."
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
    """Every key of a configuration with its groups, such as "config.loss.margin"."""
    found = []
    for key, value in config.items():
        found += paths(value, f"{prefix}.{key}") if isinstance(value, ConfigDict) else [f"{prefix}.{key}"]
    return found


def config_name() -> str:
    """The name of the configuration file: "arcface" of `--config=configs/arcface.py`."""
    return os.path.splitext(os.path.basename(config_flags.get_config_filename(flags.FLAGS["config"])))[0]


def define_config() -> flags.FlagHolder[ConfigDict]:
    """The flag `--config`, a locked configuration with `--config.group.key=value` overrides."""
    return config_flags.DEFINE_config_file(
        "config",
        "configs/quickstart.py",
        "Configuration file; --config.group.key=value changes a value.",
        lock_config=True,
    )
