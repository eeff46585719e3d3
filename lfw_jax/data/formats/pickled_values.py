"""Values that a pickle of images may hold, and the function calls that create them.

Byte strings and NumPy arrays are represented by spans of the file.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

_TEXT_LIMIT = 200  # bytes of a text that is read: the name of a function, a codec or a type
_CODES = ("b1", "?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")
_ORDERS = ("<", ">", "|", "=")


class PickleError(ValueError):
    """A pickle that holds something other than images, or that is damaged."""


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A byte string in the file.

    Attributes:
      start: the position of its first byte.
      length: in bytes.
      latin: true if it is stored as UTF-8 text with one character per byte, as Python 3 pickles bytes for Python 2.
    """

    start: int
    length: int
    latin: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A text string in the file."""

    span: Span


@dataclasses.dataclass(slots=True)
class NumberArray:
    """A NumPy array in the file; `data` is None until the pickle defines its content."""

    dtype: np.dtype[Any] | None = None
    shape: tuple[int, ...] = ()
    data: Span | None = None


@dataclasses.dataclass(slots=True)
class NumberType:
    """A numeric NumPy dtype: its code and its byte order."""

    code: str
    order: str = "|"


@dataclasses.dataclass(frozen=True, slots=True)
class Function:
    """A function that a pickle names, one of `FUNCTIONS`."""

    name: str


_ARRAY = Function("numpy.ndarray")


def span_bytes(data: memoryview, span: Span) -> bytes | memoryview:
    """Return the bytes of a span.

    Args:
      data: the file.
      span: the span.

    Returns:
      A view of the file, or decoded bytes for a span stored as text.

    Raises:
      PickleError: the span is text that does not encode bytes.
    """
    found = data[span.start : span.start + span.length]
    if not span.latin:
        return found
    try:
        return bytes(found).decode("utf-8").encode("latin-1")
    except UnicodeError as error:
        raise PickleError(f"found text at byte {span.start:,}, expected bytes written as latin1") from error


def array_values(data: memoryview, array: NumberArray) -> np.ndarray:
    """Return the values of an array, as a view of the file if possible. Raises PickleError."""
    if array.dtype is None or array.data is None:
        raise PickleError("found an array without content")
    content = span_bytes(data, array.data)
    size = array.dtype.itemsize * int(np.prod(array.shape, dtype=object))
    if len(content) != size:
        raise PickleError(f"found an array of {size:,} bytes with {len(content):,} bytes in it")
    try:
        return np.frombuffer(content, array.dtype).reshape(array.shape)
    except ValueError as error:  # an empty array, or a shape that NumPy does not support
        raise PickleError(f"found an array of shape {list(array.shape)} ({error})") from error


def short_text(data: memoryview, value: Any) -> str:
    """Return a name from the file; Python 2 stores names as bytes.

    Args:
      data: the file.
      value: a `Text` or `Span`.

    Raises:
      PickleError: the value is something else, or too long.
    """
    span = value.span if isinstance(value, Text) else value
    if not isinstance(span, Span) or span.length > _TEXT_LIMIT:
        raise PickleError(f"found {shown(value)}, expected a name")
    return bytes(data[span.start : span.start + span.length]).decode("utf-8", "replace")


def shown(value: Any) -> str:
    """Return the phrase with which messages describe a value."""
    words = {
        list: "a list",
        tuple: "a tuple",
        Span: "bytes",
        Text: "a text",
        NumberArray: "an array",
        type(None): "None",
    }
    if isinstance(value, Function):
        return f"the function {value.name}"
    return words.get(type(value), f"a value of type {type(value).__name__}")


def fill(
    data: memoryview, array: NumberArray, shape: Any = None, dtype: Any = None, fortran: Any = None, content: Any = None
) -> None:
    """Set the shape, dtype and content of an array.

    Args:
      data: the file.
      array: the array to fill.
      shape: a tuple of integers.
      dtype: a `NumberType`.
      fortran: true for column-major order, which is not supported.
      content: the `Span` of the values.

    Raises:
      PickleError: an argument has another type, or they do not fit each other.
    """
    good = isinstance(dtype, NumberType) and isinstance(content, Span) and isinstance(shape, tuple) and fortran is False
    if not good or len(shape) > 8 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        raise PickleError("found an array that is not a row-major array of numbers")
    array.dtype, array.shape, array.data = np.dtype(dtype.order.replace("|", "=") + dtype.code), shape, content
    if not content.latin:  # otherwise the number of bytes is known only after decoding
        array_values(data, array)


def set_state(data: memoryview, target: Any, state: Any) -> None:
    """Apply the state of an array or a dtype that a pickle has created.

    Args:
      data: the file.
      target: a `NumberArray` or `NumberType`.
      state: the tuple that NumPy pickles for it.

    Raises:
      PickleError: another target or another state.
    """
    if isinstance(target, NumberArray) and isinstance(state, tuple) and len(state) == 5:
        fill(data, target, *state[1:])
    elif isinstance(target, NumberType) and isinstance(state, tuple) and len(state) >= 2:
        order = short_text(data, state[1])
        if order not in _ORDERS:
            raise PickleError(f"found {order!r}, expected a byte order")
        target.order = order
    else:
        raise PickleError(f"found a state for {shown(target)}, which accepts none")


def _encode(data: memoryview, text: Any = None, codec: Any = None) -> Span:
    if not isinstance(text, Text) or short_text(data, codec) not in ("latin1", "latin-1"):
        raise PickleError(f"found {shown(text)} to be encoded, expected a text and latin1")
    return Span(text.span.start, text.span.length, latin=True)


def _bytes(data: memoryview, content: Any = None, codec: Any = None) -> Span:
    if content is None:
        return Span(0, 0)
    if codec is not None:
        return _encode(data, content, codec)
    if not isinstance(content, Span):
        raise PickleError(f"found bytes made from {shown(content)}, expected a byte string")
    return content


def _dtype(data: memoryview, code: Any = None, *_: Any) -> NumberType:
    text = short_text(data, code)
    if text not in _CODES:
        raise PickleError(f"found an array of dtype {text!r}, expected numbers")
    return NumberType(text)


def _reconstruct(_: memoryview, kind: Any = None, *__: Any) -> NumberArray:
    if kind != _ARRAY:
        raise PickleError(f"found an array created by {shown(kind)}, expected numpy.ndarray")
    return NumberArray()


def _scalar(data: memoryview, dtype: Any = None, content: Any = None) -> Any:
    array = NumberArray()
    fill(data, array, (1,), dtype, False, content)
    if array.dtype is None or content.length > 2 * array.dtype.itemsize:  # as text, a byte takes up to two
        raise PickleError(f"found a number of {content.length:,} bytes")
    return array_values(data, array)[0].item()


def _from_buffer(
    data: memoryview, content: Any = None, dtype: Any = None, shape: Any = None, order: Any = None
) -> NumberArray:
    array = NumberArray()
    fill(data, array, shape, dtype, short_text(data, order) != "C", content)
    return array


def _not_to_be_called(_: memoryview, *__: Any) -> Any:
    raise PickleError("found a call of numpy.ndarray")


# The replacements of functions, by module and name. No other function that a pickle names is accepted.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "_codecs.encode": _encode,
    "__builtin__.bytes": _bytes,
    "builtins.bytes": _bytes,
    "__builtin__.bytearray": _bytes,
    "builtins.bytearray": _bytes,
    "numpy.ndarray": _not_to_be_called,
    "numpy.dtype": _dtype,
    "numpy.core.multiarray._reconstruct": _reconstruct,
    "numpy._core.multiarray._reconstruct": _reconstruct,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy._core.numeric._frombuffer": _from_buffer,
}
