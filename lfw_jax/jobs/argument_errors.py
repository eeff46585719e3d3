"""Errors of the command line in words: the file of a configuration, or its first invalid override."""

import difflib
import runpy
from traceback import extract_tb
from typing import Any

from ml_collections import ConfigDict


def _config_path(arguments: list[str]) -> str:
    """Return the file of the last `--config`."""
    given = [
        argument_value(arguments, index) for index, text in enumerate(arguments) if argument_name(text) == "config"
    ]
    return given[-1] or ""


def explain(arguments: list[str], error: Exception) -> str:
    """Return the error of the configuration's file or of its first invalid override.

    If both are valid, it is the message of the parser.

    Args:
      arguments: The arguments, in which `--config` is followed by a file.
      error: The exception of the parser.
    """
    path = _config_path(arguments)
    try:
        config = runpy.run_path(path)["get_config"]()
    except Exception as fault:
        return _file_fault(path, fault)
    if not isinstance(config, ConfigDict):
        return f"--config: get_config of {path} returned {type(config).__name__}, expected a ConfigDict."
    overrides = [
        (index, argument_name(text))
        for index, text in enumerate(arguments)
        if argument_name(text).startswith("config.")
    ]
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


def argument_name(argument: str) -> str:
    """Return the name of a flag without dashes and value; "" for anything else.

    Args:
      argument: One argument.
    """
    return argument.lstrip("-").partition("=")[0] if argument.startswith("-") else ""


def argument_value(arguments: list[str], index: int) -> str | None:
    """Return the value of a flag: after its equals sign, or the next argument; None at the end.

    Args:
      arguments: All arguments.
      index: The index of the flag.
    """
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
    value = argument_value(arguments, index)
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
    everywhere = {path.rpartition(".")[2]: path for path in _paths(config)}
    if elsewhere := difflib.get_close_matches(key, list(everywhere), 1, 0.6):
        return f"Did you mean --{everywhere[elsewhere[0]]}?"
    return f"{before} has {', '.join(sorted(node))}."


def _paths(config: ConfigDict, prefix: str = "config") -> list[str]:
    """Return every key of a configuration with its groups, such as "config.loss.margin"."""
    found = []
    for key, value in config.items():
        found += _paths(value, f"{prefix}.{key}") if isinstance(value, ConfigDict) else [f"{prefix}.{key}"]
    return found
