"""Pickles of nothing but bytes, text, numbers, lists, tuples and numpy arrays of numbers: read without Python's unpickler.

A pickle is a program. This reader knows the instructions that build such values and no others, and of the functions that a
pickle may name those of `pickled_values.FUNCTIONS`, which it does itself: there is nothing in a file that could import, call or
allocate anything. Byte strings and arrays are not read, but noted as places in the file.
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

_MOST = 1 << 22  # values in one pickle: a million images and more
_LINE_MOST = 200  # characters of a line: the name of a function, or a number
_U1, _U2, _U4, _I4, _U8 = (struct.Struct(form) for form in ("<B", "<H", "<I", "<i", "<Q"))
_MARK = object()


def read_pickle(data: memoryview) -> Any:
    """The value that a pickle (its bytes) builds: lists, tuples, numbers, None, `Span` for bytes, `Text`, `NumberArray`.

    Time and memory are in proportion to the bytes of the file that are not in byte strings.

    Raises:
      PickleError: anything else is in it, it is cut off, or it is no pickle; the text says at which byte.
    """
    reader = _Reader(data)
    try:
        return reader.run()
    except PickleError as error:
        raise PickleError(f"at byte {reader.place:,}: {error}") from error
    except TypeError as error:  # more arguments than a function takes
        raise PickleError(f"at byte {reader.place:,}: found a call that does not fit ({error})") from error


class _Reader:
    """One pickle being read: a stack of values and those that were noted to be used again."""

    def __init__(self, data: memoryview):
        self.data, self.place = data, 0
        self.stack: list[Any] = []
        self.noted: dict[int, Any] = {}
        self.values = 0

    def run(self) -> Any:
        while (code := self.take(1)) != b".":
            if code not in _INSTRUCTIONS:
                raise PickleError(f"found the instruction {code!r}, which no image needs")
            _INSTRUCTIONS[code](self)
        return self.pop()

    def skip(self, count: int) -> int:
        """Go on by some bytes, which must be there; returns where they start."""
        start = self.place
        if start + count > len(self.data):
            left = len(self.data) - start
            raise PickleError(f"the file is cut off: expected {count:,} bytes more, found {left:,}")
        self.place += count
        return start

    def take(self, count: int) -> bytes:
        start = self.skip(count)
        return bytes(self.data[start : start + count])

    def number(self, form: struct.Struct) -> int:
        return form.unpack(self.take(form.size))[0]

    def line(self) -> str:
        text, newline, _ = bytes(self.data[self.place : self.place + _LINE_MOST]).partition(b"\n")
        if not newline:
            raise PickleError("found a line without an end")
        self.place += len(text) + 1
        return text.decode("latin-1")

    def line_number(self) -> int:
        text = self.line().removesuffix("L")
        if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()) or len(text) > 19:
            raise PickleError(f"found {text!r}, expected a number")
        return int(text)

    def count(self, values: int) -> None:
        self.values += values
        if self.values > _MOST:
            raise PickleError(f"found more than {_MOST:,} values")

    def push(self, value: Any) -> None:
        self.count(1)
        self.stack.append(value)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise PickleError("found an instruction whose value is missing")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        place = len(self.stack) - 1
        while place >= 0 and self.stack[place] is not _MARK:
            place -= 1
        if place < 0:
            raise PickleError("found the end of a list that has no beginning")
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def pop_tuple(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(items)))

    def append(self, items: list[Any]) -> None:
        target = self.pop()
        if not isinstance(target, list):
            raise PickleError(f"found something appended to {shown(target)}")
        self.count(len(items))
        target += items
        self.stack.append(target)

    def push_bytes(self, length: int) -> None:
        self.push(Span(self.skip(length), length))

    def push_text(self, length: int) -> None:
        self.push(Text(Span(self.skip(length), length)))

    def push_integer(self, length: int) -> None:
        if length > 8:
            raise PickleError(f"found a number of {length:,} bytes")
        self.push(int.from_bytes(self.take(length), "little", signed=True))

    def push_integer_line(self) -> None:
        if bytes(self.data[self.place : self.place + 3]) in (b"00\n", b"01\n"):  # false and true, before protocol 2
            return self.push(self.line() == "01")
        return self.push(self.line_number())

    def note(self, key: int) -> None:
        if not self.stack:
            raise PickleError("found an instruction whose value is missing")
        self.count(1)
        self.noted[key] = self.stack[-1]

    def push_noted(self, key: int) -> None:
        if key not in self.noted:
            raise PickleError(f"found a use of value {key}, which there is not")
        self.push(self.noted[key])

    def push_function(self, module: str, name: str) -> None:
        if f"{module}.{name}" not in FUNCTIONS:
            raise PickleError(f"found the function {f'{module}.{name}'!r}, which no image needs; it was not called")
        self.push(Function(f"{module}.{name}"))

    def push_function_of_stack(self) -> None:
        name, module = short_text(self.data, self.pop()), short_text(self.data, self.pop())
        self.push_function(module, name)

    def call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Function) or not isinstance(arguments, tuple):
            raise PickleError(f"found a call of {shown(function)} with {shown(arguments)}; it was not made")
        self.push(FUNCTIONS[function.name](self.data, *arguments))

    def set_state(self) -> None:
        state = self.pop()
        target = self.pop()
        set_state(self.data, target, state)
        self.stack.append(target)

    def check_protocol(self) -> None:
        if (version := self.number(_U1)) > 5:
            raise PickleError(f"found pickle protocol {version}, expected up to 5")


# The instructions by their code, named as in Python's pickletools.
_INSTRUCTIONS: dict[bytes, Callable[[_Reader], Any]] = {
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
    b"p": lambda reader: reader.note(reader.line_number()),  # PUT
    b"q": lambda reader: reader.note(reader.number(_U1)),  # BINPUT
    b"r": lambda reader: reader.note(reader.number(_U4)),  # LONG_BINPUT
    b"\x94": lambda reader: reader.note(len(reader.noted)),  # MEMOIZE
    b"g": lambda reader: reader.push_noted(reader.line_number()),  # GET
    b"h": lambda reader: reader.push_noted(reader.number(_U1)),  # BINGET
    b"j": lambda reader: reader.push_noted(reader.number(_U4)),  # LONG_BINGET
    b"c": lambda reader: reader.push_function(reader.line(), reader.line()),  # GLOBAL
    b"\x93": _Reader.push_function_of_stack,  # STACK_GLOBAL
    b"R": _Reader.call,  # REDUCE
    b"b": _Reader.set_state,  # BUILD
}
