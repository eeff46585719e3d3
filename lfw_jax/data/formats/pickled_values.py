"""What may be in a pickle of images: byte strings and numpy arrays, as places in the file, and the few calls that make them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

_TEXT_MOST = 200  # bytes of a text that is read: the name of a function, a codec or a type
_CODES = ("b1", "?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")
_ORDERS = ("<", ">", "|", "=")


class PickleError(ValueError):
    """What a pickle holds that no pickle of images holds."""


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A byte string in the file.

    Attributes:
      start: its first byte.
      length: in bytes.
      latin: whether it stands there as UTF-8, each character being one byte: how Python 3 writes bytes for Python 2.
    """

    start: int
    length: int
    latin: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A text in the file."""

    span: Span


@dataclasses.dataclass(slots=True)
class NumberArray:
    """A numpy array in the file; `data` is None until the pickle has come to it."""

    dtype: np.dtype[Any] | None = None
    shape: tuple[int, ...] = ()
    data: Span | None = None


@dataclasses.dataclass(slots=True)
class NumberType:
    """A numpy type of numbers: its code, and the order of its bytes."""

    code: str
    order: str = "|"


@dataclasses.dataclass(frozen=True, slots=True)
class Function:
    """A function that a pickle names, one of `FUNCTIONS`."""

    name: str


_ARRAY = Function("numpy.ndarray")


def span_bytes(data: memoryview, span: Span) -> bytes | memoryview:
    """The bytes at a place of the file. Raises PickleError for text that is not made of bytes."""
    found = data[span.start : span.start + span.length]
    if not span.latin:
        return found
    try:
        return bytes(found).decode("utf-8").encode("latin-1")
    except UnicodeError as error:
        raise PickleError(f"found text at byte {span.start:,}, expected bytes written as latin1") from error


def array_values(data: memoryview, array: NumberArray) -> np.ndarray:
    """The values of an array, as a view of the file where they stand in it as they are. Raises PickleError."""
    if array.dtype is None or array.data is None:
        raise PickleError("found an array without content")
    content = span_bytes(data, array.data)
    size = array.dtype.itemsize * int(np.prod(array.shape, dtype=object))
    if len(content) != size:
        raise PickleError(f"found an array of {size:,} bytes with {len(content):,} bytes in it")
    try:
        return np.frombuffer(content, array.dtype).reshape(array.shape)
    except ValueError as error:  # an empty one, or of a shape beyond numpy's
        raise PickleError(f"found an array of the shape {list(array.shape)} ({error})") from error


def short_text(data: memoryview, value: Any) -> str:
    """A name in the file, which Python 2 writes as bytes. Raises PickleError for anything else."""
    span = value.span if isinstance(value, Text) else value
    if not isinstance(span, Span) or span.length > _TEXT_MOST:
        raise PickleError(f"found {shown(value)}, expected a name")
    return bytes(data[span.start : span.start + span.length]).decode("utf-8", "replace")


def shown(value: Any) -> str:
    """What a message calls a value."""
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
    return words.get(type(value), f"a value of the kind {type(value).__name__}")


def fill(
    data: memoryview, array: NumberArray, shape: Any = None, dtype: Any = None, fortran: Any = None, content: Any = None
) -> None:
    """Give an array its shape, type and place. Raises PickleError if these are none or do not fit one another."""
    good = isinstance(dtype, NumberType) and isinstance(content, Span) and isinstance(shape, tuple) and fortran is False
    if not good or len(shape) > 8 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        raise PickleError("found an array that is not of numbers in rows")
    array.dtype, array.shape, array.data = np.dtype(dtype.order.replace("|", "=") + dtype.code), shape, content
    if not content.latin:  # else the number of bytes is known when they are read
        array_values(data, array)


def set_state(data: memoryview, target: Any, state: Any) -> None:
    """What a pickle tells of an array or a type that it has made. Raises PickleError for any other target."""
    if isinstance(target, NumberArray) and isinstance(state, tuple) and len(state) == 5:
        fill(data, target, *state[1:])
    elif isinstance(target, NumberType) and isinstance(state, tuple) and len(state) >= 2:
        order = short_text(data, state[1])
        if order not in _ORDERS:
            raise PickleError(f"found {order!r}, expected an order of bytes")
        target.order = order
    else:
        raise PickleError(f"found a state for {shown(target)}, which takes none")


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
        raise PickleError(f"found bytes of {shown(content)}")
    return content


def _dtype(data: memoryview, code: Any = None, *_: Any) -> NumberType:
    text = short_text(data, code)
    if text not in _CODES:
        raise PickleError(f"found an array of {text!r}, expected numbers")
    return NumberType(text)


def _reconstruct(_: memoryview, kind: Any = None, *__: Any) -> NumberArray:
    if kind != _ARRAY:
        raise PickleError(f"found an array made of {shown(kind)}, expected numpy.ndarray")
    return NumberArray()


def _scalar(data: memoryview, dtype: Any = None, content: Any = None) -> Any:
    array = NumberArray()
    fill(data, array, (1,), dtype, False, content)
    return array_values(data, array)[0].item()


def _from_buffer(
    data: memoryview, content: Any = None, dtype: Any = None, shape: Any = None, order: Any = None
) -> NumberArray:
    array = NumberArray()
    fill(data, array, shape, dtype, short_text(data, order) != "C", content)
    return array


def _not_to_be_called(_: memoryview, *__: Any) -> Any:
    raise PickleError("found a call of numpy.ndarray")


# By module and name, what is done in place of the function. Nothing else that a pickle names is done at all.
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
