"""Frozen dataclasses as JSON, and back with every type checked.

A field is stored under its own name, or under the one in its metadata: `field(metadata={JSON_KEY: "list"})`. A field with a
default is left out while it holds that default, and may be missing when the file is read. Fields may be of these types:
dataclasses, `tuple[X, ...]`, `tuple[X, Y]`, `Mapping[str, X]`, `X | None`, `Literal` of texts, `str`, `bool`, `int`, `float`,
and `Any` for content that is not checked.
"""

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from lfw_jax.errors import UserError

JSON_KEY = "json_key"
"""Metadata key of a field that is stored under another name than its own."""

SCHEMA_KEY = "schema"
"""JSON key of the version of a file's layout."""

T = TypeVar("T")

_SCALARS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


class _MismatchError(Exception):
    """The content does not have the expected type; the text names the key, what was found and what was expected."""


def to_json(value: Any) -> Any:
    """Return the value as dicts, lists and scalars, ready for `json.dumps`.

    Args:
      value: a dataclass, or anything that a field of one may hold.

    Raises:
      TypeError: a value of a type that JSON does not have, such as an array.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {_key(field): to_json(content) for field, content in fields if not _holds_default(field, content)}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {name: to_json(item) for name, item in value.items()}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"found a {type(value).__name__}, expected a dataclass, tuple, mapping, text, number or None")


def from_json(kind: type[T], content: Any, *, source: Path | str, remedy: str) -> T:
    """Return the dataclass that a parsed JSON text describes.

    Args:
      kind: the dataclass.
      content: the parsed text.
      source: file or line of the text, for messages.
      remedy: what the user can do about content of another form, as a sentence.

    Raises:
      UserError: a missing or unknown key, or a value of another type than its field.
    """
    try:
        return _parse(kind, content, "")
    except _MismatchError as mismatch:
        raise UserError(f"{source}: {mismatch}. {remedy}") from None


def read_json(path: Path, kind: type[T], *, schema: int, remedy: str) -> T:
    """Read a dataclass with a field `schema` from a JSON file.

    Args:
      path: the file.
      kind: the dataclass.
      schema: version of the layout that `kind` describes.
      remedy: what the user can do about a file of another form, as a sentence.

    Raises:
      UserError: the file cannot be read, is not JSON, has another schema version or does not fit `kind`.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}). {remedy}") from error
    found = content.get(SCHEMA_KEY) if isinstance(content, dict) else None
    if found != schema:
        version = f"schema version {json.dumps(found)}" if found is not None else "no schema version"
        raise UserError(f"{path}: found {version}, expected {schema}. {remedy}")
    return from_json(kind, content, source=path, remedy=remedy)


def _key(field: dataclasses.Field) -> str:
    return field.metadata.get(JSON_KEY, field.name)


def _holds_default(field: dataclasses.Field, value: Any) -> bool:
    if field.default_factory is not dataclasses.MISSING:
        return value == field.default_factory()
    return field.default is not dataclasses.MISSING and value == field.default


def _parse(kind: Any, content: Any, key: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return content
    if dataclasses.is_dataclass(kind):
        return _parse_object(kind, content, key)
    if origin in (types.UnionType, typing.Union):
        return _parse_optional(arguments, content, key)
    if origin is tuple:
        return _parse_tuple(arguments, content, key)
    if origin is Mapping:
        _expect(isinstance(content, dict), content, key, "an object")
        return {name: _parse(arguments[1], item, _joined(key, name)) for name, item in content.items()}
    if origin is typing.Literal:
        _expect(content in arguments, content, key, _expectation(kind))
        return content
    if kind not in _SCALARS:
        raise TypeError(f"{key}: fields of type {kind} have no JSON form")
    accepted = (int, float) if kind is float else (kind,)
    _expect(type(content) in accepted, content, key, _SCALARS[kind])  # not isinstance: a bool is an int
    return kind(content)


def _parse_object(kind: Any, content: Any, key: str) -> Any:
    _expect(isinstance(content, dict), content, key, "an object")
    hints = typing.get_type_hints(kind)
    fields = {_key(field): field for field in dataclasses.fields(kind)}
    if unknown := [name for name in content if name not in fields]:
        raise _MismatchError(f"found the unknown key {_joined(key, unknown[0])}, expected one of {', '.join(fields)}")
    values = {}
    for name, field in fields.items():
        if name in content:
            values[field.name] = _parse(hints[field.name], content[name], _joined(key, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise _MismatchError(f"found no key {_joined(key, name)}, expected {_expectation(hints[field.name])}")
    return kind(**values)


def _parse_optional(arguments: tuple[Any, ...], content: Any, key: str) -> Any:
    others = [argument for argument in arguments if argument is not types.NoneType]
    if len(others) != 1 or len(others) == len(arguments):
        raise TypeError(f"{key}: a union other than `X | None` has no JSON form")
    return None if content is None else _parse(others[0], content, key)


def _parse_tuple(arguments: tuple[Any, ...], content: Any, key: str) -> tuple[Any, ...]:
    if arguments[-1] is Ellipsis:
        _expect(isinstance(content, list), content, key, "a list")
        kinds = arguments[:1] * len(content)
    else:
        _expect(isinstance(content, list) and len(content) == len(arguments), content, key, _of_length(arguments))
        kinds = arguments
    return tuple(
        _parse(kind, item, f"{key}[{place}]") for place, (kind, item) in enumerate(zip(kinds, content, strict=True))
    )


def _expectation(kind: Any) -> str:
    """Return in words what JSON value a type calls for."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return " or ".join("null" if argument is types.NoneType else _expectation(argument) for argument in arguments)
    if origin is tuple:
        return "a list" if arguments[-1] is Ellipsis else _of_length(arguments)
    if origin is typing.Literal:
        return " or ".join(map(json.dumps, arguments))
    return _SCALARS.get(kind, "an object")


def _of_length(arguments: tuple[Any, ...]) -> str:
    return f"a list of {len(arguments)}"


def _expect(fits: bool, content: Any, key: str, expected: str) -> None:
    if not fits:
        shown = json.dumps(content, ensure_ascii=False)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        raise _MismatchError(
            f"key {key} is {shown}, expected {expected}" if key else f"found {shown}, expected {expected}"
        )


def _joined(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
