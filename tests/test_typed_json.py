"""Dataclasses survive the way to JSON and back, and a file of another form is refused in words."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.errors import UserError
from lfw_jax.typed_json import JSON_KEY, from_json, read_json, to_json

REMEDY = "Make the file again."


@dataclasses.dataclass(frozen=True)
class Leaf:
    name: str = dataclasses.field(metadata={JSON_KEY: "list"})
    share: float
    bounds: tuple[float, float]
    maybe: float | None


@dataclasses.dataclass(frozen=True)
class Tree:
    schema: int
    leaves: Mapping[str, Leaf]
    counts: tuple[int, ...]
    flag: bool
    best: Leaf | None
    fold: int | None = None
    notes: tuple[str, ...] = ()
    kind: Literal["oak", "ash"] = "oak"
    others: tuple[int, ...] = dataclasses.field(default_factory=tuple)


floats = st.floats(allow_nan=False)
leaf = st.builds(Leaf, st.text(), floats, st.tuples(floats, floats), st.none() | floats)
tree = st.builds(
    Tree,
    schema=st.just(1),
    leaves=st.dictionaries(st.text(), leaf, max_size=3),
    counts=st.lists(st.integers(), max_size=4).map(tuple),
    flag=st.booleans(),
    best=st.none() | leaf,
    fold=st.none() | st.integers(),
    notes=st.lists(st.text(), max_size=2).map(tuple),
    kind=st.sampled_from(["oak", "ash"]),
    others=st.lists(st.integers(), max_size=2).map(tuple),
)

SMALL = Tree(1, {"a": Leaf("a", 0.5, (0.25, 0.75), None)}, (1, 2), True, None)


def parsed(content: object) -> Tree:
    return from_json(Tree, content, source="file.json", remedy=REMEDY)


@given(tree)
def test_what_is_written_is_read_again(value: Tree):
    assert parsed(json.loads(json.dumps(to_json(value)))) == value


def test_keys_keep_the_order_of_the_fields_and_defaults_are_left_out():
    found = to_json(SMALL)
    assert list(found) == ["schema", "leaves", "counts", "flag", "best"]
    assert found["leaves"] == {"a": {"list": "a", "share": 0.5, "bounds": [0.25, 0.75], "maybe": None}}
    assert to_json(dataclasses.replace(SMALL, fold=0))["fold"] == 0


def test_a_whole_number_is_a_number_with_a_fraction_but_not_the_reverse():
    content = to_json(SMALL)
    content["leaves"]["a"]["share"] = 1
    share = parsed(content).leaves["a"].share
    assert (share, type(share)) == (1.0, float)
    content["counts"] = [1.0]
    with pytest.raises(UserError, match=r"key counts\[0\] is 1\.0, expected a whole number"):
        parsed(content)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (["leaves", "a", "share"], "high", 'key leaves.a.share is "high", expected a number'),
        (["leaves", "a", "share"], True, "key leaves.a.share is true, expected a number"),
        (["leaves", "a", "share"], None, "key leaves.a.share is null, expected a number"),
        (["leaves", "a", "list"], 3, "key leaves.a.list is 3, expected a text"),
        (["leaves", "a", "bounds"], [1.0], "key leaves.a.bounds is [1.0], expected a list of 2"),
        (["leaves", "a", "bounds"], [1.0, "x"], 'key leaves.a.bounds[1] is "x", expected a number'),
        (["leaves", "a", "colour"], 3, "found the unknown key leaves.a.colour, expected one of list, share, bounds, maybe"),
        (["leaves"], [], "key leaves is [], expected an object"),
        (["counts"], {}, "key counts is {}, expected a list"),
        (["flag"], 1, "key flag is 1, expected true or false"),
        (["kind"], "elm", 'key kind is "elm", expected "oak" or "ash"'),
        (["schema"], True, "key schema is true, expected a whole number"),
        (["best"], "x" * 99, f'key best is "{"x" * 56}..., expected an object'),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_named_with_key_found_and_expected(path, value, words):
    content = to_json(SMALL)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UserError) as caught:
        parsed(content)
    assert str(caught.value) == f"file.json: {words}. {REMEDY}"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (["leaves", "a", "maybe"], "found no key leaves.a.maybe, expected a number or null"),
        (["leaves", "a", "bounds"], "found no key leaves.a.bounds, expected a list of 2"),
        (["counts"], "found no key counts, expected a list"),
        (["leaves"], "found no key leaves, expected an object"),
        (["best"], "found no key best, expected an object or null"),
        (["flag"], "found no key flag, expected true or false"),
    ],
)
def test_a_missing_key_is_named_with_what_is_expected_there(path, words):
    content = to_json(SMALL)
    place = content
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    with pytest.raises(UserError) as caught:
        parsed(content)
    assert str(caught.value) == f"file.json: {words}. {REMEDY}"


def test_content_that_is_no_object_is_refused():
    with pytest.raises(UserError, match=r"^file\.json: found \[1\], expected an object\. Make the file again\.$"):
        parsed([1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "found no schema version, expected 1"),
        ("[]", "found no schema version, expected 1"),
        ('{"schema": 2}', "found schema version 2, expected 1"),
        ('{"schema": true}', "key schema is true, expected a whole number"),
        ('{"schema": "1"}', 'found schema version "1", expected 1'),
        ('{"schema": 1', "cannot be read as JSON"),
        ('{"schema": 1}', "found no key leaves, expected an object"),
    ],
)
def test_a_file_of_another_schema_or_form_is_refused(tmp_path, text, words):
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_json(path, Tree, schema=1, remedy=REMEDY)
    assert str(caught.value).startswith(f"{path}: {words}")
    assert str(caught.value).endswith(REMEDY)


def test_a_file_that_is_missing_or_not_text_is_refused(tmp_path):
    path = tmp_path / "file.json"
    with pytest.raises(UserError, match="cannot be read as JSON"):
        read_json(path, Tree, schema=1, remedy=REMEDY)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read as JSON"):
        read_json(path, Tree, schema=1, remedy=REMEDY)


def test_a_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "file.json"
    path.write_text(json.dumps(to_json(SMALL)))
    assert read_json(path, Tree, schema=1, remedy=REMEDY) == SMALL


@pytest.mark.parametrize("value", [np.zeros(2), np.float32(1), object(), {"a": {1}}])
def test_values_without_a_json_form_are_refused(value):
    with pytest.raises(TypeError, match="expected a dataclass"):
        to_json(value)


@dataclasses.dataclass(frozen=True)
class Odd:
    value: int | str


@dataclasses.dataclass(frozen=True)
class Odder:
    value: complex


@pytest.mark.parametrize("kind", [Odd, Odder])
def test_field_types_without_a_json_form_are_a_mistake_of_the_program(kind):
    with pytest.raises(TypeError, match="no JSON form"):
        from_json(kind, {"value": 1}, source="file.json", remedy=REMEDY)


@dataclasses.dataclass(frozen=True)
class Choice:
    kind: Literal["same", "different"]


@pytest.mark.parametrize("kind", ["same", "different"])
def test_a_text_of_a_few_is_read_again(kind: Literal["same", "different"]):
    assert from_json(Choice, to_json(Choice(kind)), source="file.json", remedy=REMEDY) == Choice(kind)


@pytest.mark.parametrize("content", [{"kind": "other"}, {"kind": ["same"]}, {"kind": None}, {}])
def test_another_text_is_refused_with_those_that_are_expected(content: dict):
    with pytest.raises(UserError, match='expected "same" or "different"'):
        from_json(Choice, content, source="file.json", remedy=REMEDY)
