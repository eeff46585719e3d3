"""Declaration of configuration options with their ranges, and checks against signatures.

An option is declared where its default and its comment are, so that its range is written once:

    training = declare(
        "training",
        # Length of the training.
        epochs=Number(120.0, above=0),
    )
"""

import dataclasses
import inspect
import math
import os
import typing
from collections.abc import Callable, Mapping
from typing import Any

from ml_collections import ConfigDict

from lfw_jax.errors import UserError

_EXPECTED = {float: "a finite number", int: "a whole number", bool: "True or False", str: "a word"}


@dataclasses.dataclass(frozen=True)
class Number:
    """A finite number with its default and range. A whole number if the default is one.

    Attributes:
      default: the default.
      at_least: the smallest valid value; None for none.
      above: a bound that valid values exceed; None for none.
      at_most: the largest valid value; None for none.
      below: a bound that exceeds valid values; None for none.
    """

    default: float
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    def __contains__(self, value: object) -> bool:
        """Return whether a value is a number of the right kind within the range."""
        kinds = int if isinstance(self.default, int) else int | float
        if not isinstance(value, kinds) or isinstance(value, bool) or not math.isfinite(value):
            return False
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        """Return the range in words, such as "a number above 0 and up to 1"."""
        bounds = [
            f"{words} {bound:,}"
            for words, bound in (
                ("of at least", self.at_least),
                ("above", self.above),
                ("up to", self.at_most),
                ("below", self.below),
            )
            if bound is not None
        ]
        kind = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{kind} {' and '.join(bounds)}".strip()


@dataclasses.dataclass(frozen=True)
class FilePath:
    """A path, or several, with its default. `~` stands for the home folder.

    Attributes:
      default: a path, or a tuple of paths or of `LIST@FOLDER`.
    """

    default: str | tuple[str, ...]


DECLARED: dict[str, Number | FilePath] = {}
"""Every declared option with a range or a path, by its key, such as "training.epochs"."""


def declare(group: str, **options: Any) -> ConfigDict:
    """Return a group of options with their defaults, and record their ranges.

    Args:
      group: key of the group, such as "training" or "data.synthetic"; "" for the options outside any group.
      options: defaults by name, numbers as `Number` and paths as `FilePath`.
    """
    config = ConfigDict()
    for name, option in options.items():
        if isinstance(option, Number | FilePath):
            DECLARED[f"{group}.{name}".lstrip(".")] = option
            config[name] = option.default
        else:
            config[name] = option
    return config


def check_ranges(config: ConfigDict) -> None:
    """Check every number of a configuration against its declared range, and every path for its type.

    Args:
      config: the configuration. Options that it does not have are not checked.

    Raises:
      UserError: a value is outside its range, not finite, or not a path.
    """
    for key, option in DECLARED.items():
        found, value = _find(config, key)
        if not found:
            continue
        if isinstance(option, Number) and value not in option:
            raise UserError(f"--config.{key} is {value}; expected {option}.")
        if isinstance(option, FilePath) and not _is_path(value, several=isinstance(option.default, tuple)):
            several = "paths separated by commas" if isinstance(option.default, tuple) else "a path"
            raise UserError(f"--config.{key} is {value!r}; expected {several}, or nothing.")


def named(group: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name in a group of options, and the other options.

    Args:
      group: a part of a configuration with a `name`, such as `config.loss`.
    """
    return group["name"], {key: value for key, value in group.items() if key != "name"}


def expand_home(config: ConfigDict) -> ConfigDict:
    """Return the configuration with `~` in its declared paths replaced by the home folder.

    Args:
      config: a configuration that `check_ranges` accepts.

    Raises:
      UserError: a path begins with `~name` and there is no such user.
    """
    expanded = config.copy_and_resolve_references()
    for key, option in DECLARED.items():
        found, value = _find(config, key)
        if not found or not isinstance(option, FilePath):
            continue
        flag = f"--config.{key}"
        if isinstance(value, str):
            new: Any = expand_user(value, flag)
        else:
            new = tuple("@".join(expand_user(part, flag) for part in item.split("@")) for item in value)
        if new != value:
            group, _, name = key.rpartition(".")
            _find(expanded, group)[1][name] = new
    return expanded


def expand_user(path: str, flag: str) -> str:
    """Return a path with `~` or `~name` at its beginning replaced by that home folder.

    Args:
      path: the path as the user wrote it.
      flag: the flag that has it, for the message.

    Raises:
      UserError: the path begins with `~name` and there is no such user.
    """
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise UserError(
            f"{flag} is {path}; there is no home folder of that name. Write ./{path} for a folder with that name."
        )
    return expanded


def checked(
    key: str, function: Callable[..., Any], options: Mapping[str, Any], *, given: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the options after checking that the function has them all.

    Args:
      key: Group of the configuration, for the message.
      function: Loss, head or miner whose keyword-only arguments are the valid options.
      options: Options of the user.
      given: Arguments that are set by the caller and are not options.

    Returns:
      The options as a new dictionary.

    Raises:
      UserError: If the function does not have an option, with a list of those that it has, or a value has another type
        than the option.
    """
    parameters = inspect.signature(function).parameters.values()
    known = {p.name: p.annotation for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in given}
    if unknown := sorted(set(options) - set(known)):
        raise UserError(
            f"--config.{key}.{unknown[0]}: {function.__name__} has no such option; it has {', '.join(sorted(known))}."
        )
    for name, value in options.items():
        check_type(f"{key}.{name}", value, known[name])
    return dict(options)


def check_type(key: str, value: object, annotation: Any) -> None:
    """Check that an option has the type that a signature states.

    Args:
      key: Key of the option, such as "loss.margin".
      value: Value of the user.
      annotation: The type of the parameter; of a union the first of float, int, bool and str counts, and other types are
        not checked. None is right where the union has it.

    Raises:
      UserError: If the value has another type, or is a number that is not finite.
    """
    alternatives = (annotation, *typing.get_args(annotation))
    kinds = [kind for kind in alternatives if kind in _EXPECTED]
    if not kinds or (value is None and type(None) in alternatives):
        return
    accepted = (int, float) if kinds[0] is float else kinds[0]
    right = isinstance(value, accepted) and (kinds[0] is bool or not isinstance(value, bool))
    if right and not (isinstance(value, float) and not math.isfinite(value)):
        return
    raise UserError(f"--config.{key} is {value!r}; expected {_EXPECTED[kinds[0]]}.")


def _find(config: ConfigDict, key: str) -> tuple[bool, Any]:
    """Return whether a configuration has a key, and its value."""
    node: Any = config
    for name in key.split(".") if key else ():
        if not isinstance(node, ConfigDict) or name not in node:
            return False, None
        node = node[name]
    return True, node


def _is_path(value: object, *, several: bool) -> bool:
    if several:
        return isinstance(value, tuple | list) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)
