"""Flags, and what a user reads when they are wrong. Imports neither JAX nor TensorFlow, so that it answers at once."""

import difflib
import os
import sys
from collections.abc import Callable
from typing import Any

from absl import app, flags
from ml_collections import ConfigDict, config_flags

from lfw_jax.errors import UserError


def run(main: Callable[[list[str]], None]) -> None:
    """Parse the flags and call `main`; a user's mistake becomes one sentence on standard error and exit code 2."""

    _use_large_pages()

    def guarded(arguments: list[str]) -> None:
        try:
            main(arguments)
        except UserError as error:
            _refuse(error)

    app.run(guarded, flags_parser=_parse)


def _use_large_pages() -> None:
    """Start this process anew with memory in large pages, where the C library knows how (glibc 2.35 and later).

    XLA allocates a training step's buffers, about a gigabyte, afresh each time; on a CPU a quarter of the step goes into
    mapping them in pages of 4 KB (benchmarks/training_step.py). The setting is read at the start of a process alone.
    """
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ and sys.gettrace() is None:
        os.execve(sys.executable, sys.orig_argv, os.environ | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"})


def _refuse(error: UserError) -> None:
    print(f"launch.py: {error}", file=sys.stderr)
    sys.exit(2)


def _parse(arguments: list[str]) -> list[str]:
    try:
        if any(argument in ("--help", "-help", "-h", "--helpfull") for argument in arguments):
            return app.parse_flags_with_usage(arguments)
        return flags.FLAGS(arguments)
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        _refuse(UserError(_explain(arguments, error)))
        raise


def _explain(arguments: list[str], error: Exception) -> str:
    """The first `--config…` argument that does not fit, in words; else what the parser said."""
    path = next((_value(arguments, i) for i, text in enumerate(arguments) if _name(text) == "config"), None)
    if path is not None and not os.path.isfile(path):
        known = (
            sorted(name for name in os.listdir("configs") if name.endswith(".py")) if os.path.isdir("configs") else []
        )
        return f"--config: found no file {path}; expected a configuration such as {', '.join(known) or 'configs/arcface.py'}."
    config = _config()
    for place, text in enumerate(arguments):
        name = _name(text)
        if (
            config is not None
            and name.startswith("config.")
            and (fault := _override_fault(config, name, place, arguments))
        ):
            return fault
    return f"{str(error).strip().splitlines()[-1]} (--help lists the flags.)"


def _name(argument: str) -> str:
    return argument.lstrip("-").partition("=")[0] if argument.startswith("-") else ""


def _value(arguments: list[str], place: int) -> str | None:
    _, equals, value = arguments[place].partition("=")
    if equals:
        return value
    return arguments[place + 1] if place + 1 < len(arguments) else None


def _config() -> ConfigDict | None:
    try:
        value = flags.FLAGS["config"].value
        return value if isinstance(value, ConfigDict) else None
    except (flags.Error, AttributeError, KeyError, TypeError, ValueError, OSError):
        return None


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


def define_config() -> flags.FlagHolder[ConfigDict]:
    """The flag `--config`, a locked configuration with `--config.group.key=value` overrides."""
    return config_flags.DEFINE_config_file(
        "config",
        "configs/quickstart.py",
        "Configuration file; --config.group.key=value changes a value.",
        lock_config=True,
    )
