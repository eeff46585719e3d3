"""Pickles that were made to do harm, and do nothing: not run, not called, not filling the memory."""

import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.formats import restricted_pickle
from lfw_jax.data.formats.pickled_values import FUNCTIONS, PickleError
from lfw_jax.data.formats.verification_bin import read_verification_bin
from lfw_jax.errors import UserError


class Call:
    """Something that calls a function when it is unpickled."""

    def __init__(self, function, *arguments, state=None):
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.parts


class Marked:
    """An object of a class, as `pickle` recreates it."""


def crafted(target: Path) -> dict[str, bytes]:
    """Return pickles that create a file, call a function or import a module when Python's own unpickler reads them."""
    touch = f"touch {target}"
    dumps = {
        f"{name}, protocol {protocol}": pickle.dumps(value, protocol=protocol)
        for protocol in range(6)
        for name, value in {
            "os.system": Call(os.system, touch),
            "eval": Call(eval, f"open({str(target)!r}, 'w')"),
            "open": Call(open, str(target), "w"),
            "in the images": ([Call(os.system, touch)], [True]),
            "a chain": Call(getattr, Call(__import__, "os"), "system"),
            "numpy.save": Call(np.save, str(target), np.zeros(1)),
            "an array of objects": (np.array([Call(os.system, touch), None], object), [True]),
            "a state": Call(Marked, state={"a": Call(os.system, touch)}),
            "another type of array": Call(np.ndarray, (1,)),
        }.items()
    }
    system = b"cposix\nsystem\n"
    text = b"X" + struct.pack("<I", len(touch)) + touch.encode()
    return dumps | {
        "by hand": system + text + b"\x85R.",
        "INST": b"(S'" + touch.encode() + b"'\niposix\nsystem\n.",
        "OBJ": b"(" + system + text + b"o.",
        "NEWOBJ": system + text + b"\x85\x81.",
        "NEWOBJ_EX": system + text + b"\x85}\x92.",
        "EXT1": b"\x82\x01.",
        "persistent": b"Ptouch\n.",
        "on the stack": b"\x8c\x05posix\x8c\x06system\x93" + text + b"\x85R.",
        "a codec": b"c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0rot13\x86R.",
        "bytes decoded": b"c_codecs\ndecode\nC\x01aX\x03\0\0\0zip\x86R.",
        "a name with dots": b"\x8c\x05numpy\x8c\x12f2py.diagnose.os.x\x93.",
        "dtype of objects": b"cnumpy\ndtype\nX\x02\0\0\0O8\x89\x88\x87R.",
        "a call of what was called": b"cnumpy\ndtype\nX\x02\0\0\0u1\x89\x88\x87R)R.",
        "a call of a text": text + b")R.",
        "a state for a list": b"]}b.",
        "a state for a function": b"cnumpy\nndarray\n)b.",
        "too many arguments": b"c_codecs\nencode\n(" + b"N" * 9 + b"tR.",
        "no arguments": b"c_codecs\nencode\n)R.",
        "None as arguments": b"c_codecs\nencode\nNR.",
    }


@pytest.mark.parametrize("name", crafted(Path("x")))
def test_a_crafted_pickle_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    target = tmp_path / "made"
    called = []
    content = crafted(target)[name]
    monkeypatch.setattr(os, "system", lambda text: called.append(text))
    (tmp_path / "a.bin").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.bin: not a verification set"):
        read_verification_bin(tmp_path / "a.bin")
    assert not target.exists()
    assert not called


def test_the_crafted_pickles_would_do_harm_elsewhere(tmp_path: Path):
    target = tmp_path / "made"
    for name in ("os.system, protocol 4", "by hand", "INST", "OBJ", "on the stack", "in the images, protocol 2"):
        pickle.loads(crafted(target)[name])
        assert target.exists(), name
        target.unlink()


@pytest.mark.parametrize("protocol", [0, 1, 2, 5])
@pytest.mark.parametrize("value", [0.0, -1.5, 1e300, float("inf")])
def test_floats_are_read_as_python_reads_them(protocol: int, value: float):
    assert restricted_pickle.read_pickle(memoryview(pickle.dumps(value, protocol=protocol))) == value
    with pytest.raises(PickleError, match="expected a number"):
        restricted_pickle.read_pickle(memoryview(b"Fone\n."))


def test_a_call_costs_no_more_than_numpy_needs(monkeypatch: pytest.MonkeyPatch):
    passed = []
    monkeypatch.setitem(FUNCTIONS, "numpy.dtype", lambda _, *arguments: passed.append(len(arguments)))
    calls = 100
    for arguments in (8, 9, 5000):
        long = b"cnumpy\ndtype\nq\0(" + b"N" * arguments + b"tq\1" + b"h\0h\1R" * calls + b"."
        passed.clear()
        if arguments > 8:  # expanding a tuple of the memo in every call is quadratic in the file
            with pytest.raises(PickleError, match=f"a call with {arguments:,} arguments, expected at most 8"):
                restricted_pickle.read_pickle(memoryview(long))
            assert passed == []
        else:
            restricted_pickle.read_pickle(memoryview(long))
            assert passed == [8] * calls


def test_a_long_text_is_not_decoded_for_a_number():
    text = b"X" + struct.pack("<I", 10_000) + b"x" * 10_000
    long = b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\0\0\0u1\x89\x88\x87R"
    long += b"c_codecs\nencode\n" + text + b"X\x06\0\0\0latin1\x86R\x86R."
    with pytest.raises(PickleError, match="found a number of 10,000 bytes"):
        restricted_pickle.read_pickle(memoryview(long))


BOMBS = {
    "a note with a large number": b"]r\xff\xff\xff\xff.",
    "many notes": b"]" + b"\x94" * 100_000 + b".",
    "bytes of 2^62": b"\x8e" + struct.pack("<Q", 1 << 62) + b"x.",
    "an array of bytes of 2^40": b"\x96" + struct.pack("<Q", 1 << 40) + b"x.",
    "a text of 2^63": b"\x8d" + struct.pack("<Q", 1 << 63) + b"x.",
    "a long number": b"\x8b" + struct.pack("<i", 2**31 - 1) + b"x.",
    "a long number in text": b"L" + b"9" * 100_000 + b"L\n.",
    "deep lists": b"]" * 100_000 + b"a" * 99_999 + b".",
    "deep tuples": b")" + b"\x85" * 100_000 + b".",
    "a list in itself": b"]q\0h\0a.",
    "lists doubled forty times": b"]q\0"
    + b"".join(b"](h" + bytes([i, 104, i]) + b"eq" + bytes([i + 1]) for i in range(40))
    + b".",
    "an array of 2^60": b"cnumpy.core.numeric\n_frombuffer\n(C\x01xcnumpy\ndtype\nX\x02\0\0\0u1\x89\x88\x87R\x8a\x08"
    + struct.pack("<q", 1 << 60) + b"\x85X\x01\0\0\0CtR.",
    "an array of nothing times much": b"cnumpy.core.numeric\n_frombuffer\n(C\x00cnumpy\ndtype\nX\x02\0\0\0u1\x89\x88\x87R"
    b"(K\0" + b"\x8a\x05\xff\xff\xff\xff\x7f" * 7 + b"tX\x01\0\0\0CtR.",
    "marks": b"(" * 100_000 + b".",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_pickle_that_would_fill_the_memory_does_not(tmp_path: Path, name: str):
    (tmp_path / "a.bin").write_bytes(BOMBS[name])
    tracemalloc.start()
    with pytest.raises(UserError, match="not a verification set"):
        read_verification_bin(tmp_path / "a.bin")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Proportional to the file: a value takes a few dozen bytes.
    assert peak < 400 * len(BOMBS[name]) + 1e6
    assert peak < 400e6


@pytest.mark.parametrize("content", [b"]" + b"\x94" * 2000, b"N" * 2000, b"](" + b"N" * 700 + b"e"])
def test_more_values_than_a_set_can_have_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes):
    monkeypatch.setattr(restricted_pickle, "_VALUE_LIMIT", 1000)
    (tmp_path / "a.bin").write_bytes(content + b".")
    with pytest.raises(UserError, match="found more than 1,000 values"):
        read_verification_bin(tmp_path / "a.bin")
