"""Safe reader of pickles that hold only bytes, text, numbers, lists, tuples and numeric NumPy arrays.

A pickle is a program. This reader implements the opcodes that build such values and no others. The only functions that a
pickle may name are those of `pickled_values.FUNCTIONS`, for which it uses its own replacements, so that a file cannot import,
call or allocate anything. Byte strings and arrays are not read but recorded as spans of the file.
"""

import struct
from collections.abc import Callable
from typing import Any

from lfw_jax.data.formats.pickled_values import (
    FUNCTIONS,
    Function,
    PickleError,
    Span,
    Text,
    set_state,
    short_text,
    shown,
)

_VALUE_LIMIT = 1 << 22  # values in one pickle, enough for a million images
_LINE_LIMIT = 200  # characters of a line: the name of a function, or a number
_MOST_ARGUMENTS = 8  # NumPy passes at most 5; a longer tuple from the memo would cost its length in every call
_U1, _U2, _U4, _I4, _U8, _F8 = (struct.Struct(form) for form in ("<B", "<H", "<I", "<i", "<Q", ">d"))
_MARK = object()


def read_pickle(data: memoryview) -> Any:
    """Return the value that a pickle builds.

    Time and memory are proportional to the size of the file without its byte strings.

    Args:
      data: the bytes of the pickle.

    Returns:
      Lists, tuples, numbers, None, `Span` for bytes, `Text` and `NumberArray`.

    Raises:
      PickleError: the data holds anything else, is cut off or is not a pickle; the text names the byte.
    """
    reader = _Reader(data)
    try:
        return reader.run()
    except PickleError as error:
        raise PickleError(f"at byte {reader.position:,}: {error}") from error
    except TypeError as error:  # more arguments than a function accepts
        raise PickleError(f"at byte {reader.position:,}: found a call with wrong arguments ({error})") from error


class _Reader:
    """The state of reading one pickle: a stack of values and a memo of values to be used again."""

    def __init__(self, data: memoryview):
        self.data, self.position = data, 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.values = 0

    def run(self) -> Any:
        while (code := self.take(1)) != b".":
            if code not in _OPCODES:
                raise PickleError(f"found the opcode {code!r}, which is not allowed in a pickle of images")
            _OPCODES[code](self)
        return self.pop()

    def skip(self, count: int) -> int:
        """Skip `count` bytes, which must exist, and return the position where they start."""
        start = self.position
        if start + count > len(self.data):
            left = len(self.data) - start
            raise PickleError(f"the file is cut off: expected {count:,} bytes more, found {left:,}")
        self.position += count
        return start

    def take(self, count: int) -> bytes:
        start = self.skip(count)
        return bytes(self.data[start : start + count])

    def number(self, form: struct.Struct) -> int:
        return form.unpack(self.take(form.size))[0]

    def line(self) -> str:
        text, newline, _ = bytes(self.data[self.position : self.position + _LINE_LIMIT]).partition(b"\n")
        if not newline:
            raise PickleError("found a line without an end")
        self.position += len(text) + 1
        return text.decode("latin-1")

    def line_number(self) -> int:
        text = self.line().removesuffix("L")
        if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()) or len(text) > 19:
            raise PickleError(f"found {text!r}, expected a number")
        return int(text)

    def line_float(self) -> float:
        text = self.line()
        try:
            return float(text)
        except ValueError as error:
            raise PickleError(f"found {text!r}, expected a number") from error

    def count(self, values: int) -> None:
        self.values += values
        if self.values > _VALUE_LIMIT:
            raise PickleError(f"found more than {_VALUE_LIMIT:,} values")

    def push(self, value: Any) -> None:
        self.count(1)
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise PickleError("found an opcode whose operand is missing")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        position = len(self.stack) - 1
        while position >= 0 and self.stack[position] is not _MARK:
            position -= 1
        if position < 0:
            raise PickleError("found the end of a list without its beginning")
        items = self.stack[position + 1 :]
        del self.stack[position:]
        return items

    def pop_tuple(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(items)))

    def append(self, items: list[Any]) -> None:
        target = self.pop()
        if not isinstance(target, list):
            raise PickleError(f"found a value appended to {shown(target)}, expected a list")
        self.count(len(items))
        target += items
        self.stack.append(target)

    def push_bytes(self, length: int) -> None:
        self.push(Span(self.skip(length), length))

    def push_text(self, length: int) -> None:
        self.push(Text(Span(self.skip(length), length)))

    def push_integer(self, length: int) -> None:
        if length > 8:
            raise PickleError(f"found an integer of {length:,} bytes, expected at most 8")
        self.push(int.from_bytes(self.take(length), "little", signed=True))

    def push_integer_line(self) -> None:
        if bytes(self.data[self.position : self.position + 3]) in (
            b"00\n",
            b"01\n",
        ):  # False and True before protocol 2
            return self.push(self.line() == "01")
        return self.push(self.line_number())

    def memoize(self, key: int) -> None:
        if not self.stack:
            raise PickleError("found an opcode whose operand is missing")
        self.count(1)
        self.memo[key] = self.stack[-1]

    def push_from_memo(self, key: int) -> None:
        if key not in self.memo:
            raise PickleError(f"found a reference to memo entry {key}, which does not exist")
        self.push(self.memo[key])

    def push_function(self, module: str, name: str) -> None:
        if f"{module}.{name}" not in FUNCTIONS:
            raise PickleError(
                f"found the function {f'{module}.{name}'!r}, which is not allowed in a pickle of images; it was not called"
            )
        self.push(Function(f"{module}.{name}"))

    def push_function_from_stack(self) -> None:
        name, module = short_text(self.data, self.pop()), short_text(self.data, self.pop())
        self.push_function(module, name)

    def call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Function) or not isinstance(arguments, tuple):
            raise PickleError(f"found a call of {shown(function)} with {shown(arguments)}; the call was not made")
        if len(arguments) > _MOST_ARGUMENTS:
            raise PickleError(f"found a call with {len(arguments):,} arguments, expected at most {_MOST_ARGUMENTS}")
        self.push(FUNCTIONS[function.name](self.data, *arguments))

    def set_state(self) -> None:
        state = self.pop()
        target = self.pop()
        set_state(self.data, target, state)
        self.stack.append(target)

    def check_protocol(self) -> None:
        if (version := self.number(_U1)) > 5:
            raise PickleError(f"found pickle protocol {version}, expected up to 5")


# Actions by opcode; the comments give the names of Python's pickletools.
_OPCODES: dict[bytes, Callable[[_Reader], Any]] = {
    b"\x80": _Reader.check_protocol,  # PROTO
    b"\x95": lambda reader: reader.skip(8),  # FRAME
    b"(": lambda reader: reader.push(_MARK),  # MARK
    b"0": _Reader.pop,  # POP
    b"N": lambda reader: reader.push(None),  # NONE
    b"\x88": lambda reader: reader.push(True),  # NEWTRUE
    b"\x89": lambda reader: reader.push(False),  # NEWFALSE
    b"I": _Reader.push_integer_line,  # INT
    b"L": _Reader.push_integer_line,  # LONG
    b"J": lambda reader: reader.push(reader.number(_I4)),  # BININT
    b"K": lambda reader: reader.push(reader.number(_U1)),  # BININT1
    b"M": lambda reader: reader.push(reader.number(_U2)),  # BININT2
    b"\x8a": lambda reader: reader.push_integer(reader.number(_U1)),  # LONG1
    b"\x8b": lambda reader: reader.push_integer(reader.number(_U4)),  # LONG4
    b"F": lambda reader: reader.push(reader.line_float()),  # FLOAT
    b"G": lambda reader: reader.push(reader.number(_F8)),  # BINFLOAT
    b"T": lambda reader: reader.push_bytes(reader.number(_U4)),  # BINSTRING
    b"U": lambda reader: reader.push_bytes(reader.number(_U1)),  # SHORT_BINSTRING
    b"B": lambda reader: reader.push_bytes(reader.number(_U4)),  # BINBYTES
    b"C": lambda reader: reader.push_bytes(reader.number(_U1)),  # SHORT_BINBYTES
    b"\x8e": lambda reader: reader.push_bytes(reader.number(_U8)),  # BINBYTES8
    b"\x96": lambda reader: reader.push_bytes(reader.number(_U8)),  # BYTEARRAY8
    b"X": lambda reader: reader.push_text(reader.number(_U4)),  # BINUNICODE
    b"\x8c": lambda reader: reader.push_text(reader.number(_U1)),  # SHORT_BINUNICODE
    b"\x8d": lambda reader: reader.push_text(reader.number(_U8)),  # BINUNICODE8
    b"]": lambda reader: reader.push([]),  # EMPTY_LIST
    b")": lambda reader: reader.push(()),  # EMPTY_TUPLE
    b"l": lambda reader: reader.push(reader.pop_to_mark()),  # LIST
    b"t": lambda reader: reader.push(tuple(reader.pop_to_mark())),  # TUPLE
    b"\x85": lambda reader: reader.pop_tuple(1),  # TUPLE1
    b"\x86": lambda reader: reader.pop_tuple(2),  # TUPLE2
    b"\x87": lambda reader: reader.pop_tuple(3),  # TUPLE3
    b"a": lambda reader: reader.append([reader.pop()]),  # APPEND
    b"e": lambda reader: reader.append(reader.pop_to_mark()),  # APPENDS
    b"p": lambda reader: reader.memoize(reader.line_number()),  # PUT
    b"q": lambda reader: reader.memoize(reader.number(_U1)),  # BINPUT
    b"r": lambda reader: reader.memoize(reader.number(_U4)),  # LONG_BINPUT
    b"\x94": lambda reader: reader.memoize(len(reader.memo)),  # MEMOIZE
    b"g": lambda reader: reader.push_from_memo(reader.line_number()),  # GET
    b"h": lambda reader: reader.push_from_memo(reader.number(_U1)),  # BINGET
    b"j": lambda reader: reader.push_from_memo(reader.number(_U4)),  # LONG_BINGET
    b"c": lambda reader: reader.push_function(reader.line(), reader.line()),  # GLOBAL
    b"\x93": _Reader.push_function_from_stack,  # STACK_GLOBAL
    b"R": _Reader.call,  # REDUCE
    b"b": _Reader.set_state,  # BUILD
}
