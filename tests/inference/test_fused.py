"""A fused system is an embedding whose cosine is the weighted sum of its members' cosines."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float

from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluated_lists import EvaluatedList, lists_of_set, lists_of_split
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.identification_sets import IdentificationSet, read_identification_sets
from lfw_jax.data.protocols.partition import EvaluationPlan
from lfw_jax.data.protocols.splits import Split
from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.inference.fused import FusedEmbedder, FusedMember, MemberData, fuse_embeddings
from lfw_jax.inference.representation import DecodedImages
from lfw_jax.inference.run_embedder import SingleEmbedder
from tests.data.identification.protocol_files import write_protocol


def images(names: tuple[str, ...], content: int) -> ImageSet:
    """Return two images of each name, whose pixels tell one set from another."""
    labels = np.repeat(np.arange(len(names)), 2)
    numbers = np.tile([1, 2], len(names))
    return ImageSet(names, labels, numbers, np.full((len(labels), 8, 8, 3), content, np.uint8), "pixels")


def pairs(name: str, names: tuple[str, ...] = ("Ada", "Grace")) -> PairList:
    ada, grace = names
    return PairList(((ada, 1), (ada, 1)), ((ada, 2), (grace, 2)), np.array([True, False]), name)


SOURCE = images(("Ada", "Grace", "Hedy"), 0)
TEST, DEVELOPMENT = pairs("test"), pairs("development", ("Grace", "Hedy"))
KEYS = TEST.keys()
# Two sets and the split have images of equal names and numbers, and other contents.
SETS = tuple(
    EvaluationSet(pairs(name), images(("Ada", "Grace"), content), frozenset()) for name, content in (("a", 1), ("b", 2))
)
SPLIT = Split(SOURCE, DEVELOPMENT, DEVELOPMENT, TEST, SOURCE, ())
LISTS = lists_of_split(SPLIT) | {f"sets/{item.name}": lists_of_set(item)[0] for item in SETS}


class Counted:
    """A representation that embeds an image by its content, identity and number, and counts what it embeds."""

    flip, shift = True, 2

    def __init__(self, scale: int = 1):
        self.embedded: list[tuple[int, str, int]] = []
        self.scale = scale

    def embed_images(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        keys = [
            (int(pixels[0, 0, 0]), *key) for pixels, key in zip(np.asarray(images.images), images.keys(), strict=True)
        ]
        self.embedded += keys
        return np.array([[self.scale * content, len(name), number, 1.0] for content, name, number in keys])

    def embed_decoded(self, decoded: DecodedImages) -> Float[np.ndarray, "images dim"]:
        return self.embed_images(decoded.images)


def member_data(
    counted: Counted,
    split: Split = SPLIT,
    sets: Sequence[EvaluationSet] = SETS,
    protocols: Sequence[IdentificationSet] = (),
) -> MemberData:
    def decode(listed: EvaluatedList) -> DecodedImages:
        found = (listed.of.images if listed.of else split.images_of(listed.pairs)).of_keys(listed.pairs.keys())
        return DecodedImages(found, np.asarray(found.images))

    return MemberData(
        SingleEmbedder(counted, decode), split, EvaluationPlan(tuple(sets), {}, {}, None, tuple(protocols))
    )


def member(counted: Counted, *, known: Mapping[str, EmbeddedImages] | None = None, **data: Any) -> FusedMember:
    return FusedMember(True, 2, lambda: member_data(counted, **data), known or {})


def fused(member: FusedMember) -> FusedEmbedder:
    return FusedEmbedder({"one": member}, {"one": 1.0})


def cosine(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.floats(0, 10), min_size=1, max_size=4).filter(lambda weights: sum(weights) > 1e-3),
)
def test_the_cosine_is_the_weighted_mean_of_the_members_cosines(seed: int, weights: list[float]):
    rng = np.random.default_rng(seed)
    parts = {
        f"member{index}": 10 ** rng.uniform(-3, 3) * rng.normal(size=(5, 3 + index)) for index in range(len(weights))
    }
    fused = fuse_embeddings(parts, dict(zip(parts, weights, strict=True)))
    expected = sum(w * cosine(part) for w, part in zip(weights, parts.values(), strict=True)) / sum(weights)
    np.testing.assert_allclose(cosine(fused.astype(np.float64)), expected, atol=1e-5)


@pytest.mark.parametrize("order", [("sets/a", "sets/b", "test"), ("test", "sets/b", "sets/a")])
def test_sets_whose_images_have_equal_keys_are_not_confused(order: tuple[str, ...]):
    counted, content = Counted(), {"test": 0, "sets/a": 1, "sets/b": 2}
    assert len({LISTS[role].pairs.keys() for role in order}) == 1
    system = fused(member(counted))
    found = {role: system.embed_list(LISTS[role]) for role in order}
    assert counted.embedded == [(content[role], *key) for role in order for key in KEYS]
    for one, other in itertools.combinations(order, 2):
        assert not np.allclose(found[one], found[other])


def test_a_set_does_not_take_the_known_embeddings_of_another_list_with_equal_keys():
    counted, keys = Counted(), TEST.keys()
    known = EmbeddedImages(
        "test", np.ones((len(keys), 4)), np.array([name for name, _ in keys]), np.array([n for _, n in keys])
    )
    system = fused(member(counted, known={"test": known}))
    np.testing.assert_allclose(system.embed_list(LISTS["test"]), np.full((len(keys), 4), 0.5))
    assert not counted.embedded
    system.embed_list(LISTS["sets/b"])
    assert counted.embedded == [(2, *key) for key in keys]
    assert (system.flip, system.shift) == (True, 2)


def test_each_member_embeds_its_own_images_of_a_set():
    """A member sees its own alignment of a set: other contents of the same keys."""
    first, second = Counted(), Counted(3)
    theirs = [
        dataclasses.replace(item, images=images(("Ada", "Grace"), 10 * index)) for index, item in enumerate(SETS, 1)
    ]
    members = {"one": member(first), "two": member(second, sets=theirs)}
    whole = FusedEmbedder(members, {"one": 1.0, "two": 2.0}).embed_list(LISTS["sets/b"])
    assert [content for content, *_ in second.embedded] == [20] * len(KEYS)
    parts = {
        "one": np.array([[2.0, len(name), number, 1] for name, number in KEYS]),
        "two": np.array([[60.0, len(name), number, 1] for name, number in KEYS]),
    }
    np.testing.assert_allclose(whole, fuse_embeddings(parts, {"one": 1.0, "two": 2.0}), atol=1e-6)


def test_protocols_whose_images_have_equal_keys_are_not_confused(tmp_path: Path):
    (item,) = read_identification_sets([str(write_protocol(tmp_path / "small"))])

    def other(name: str, content: int) -> IdentificationSet:
        pixels = np.full((len(item.images), 8, 8, 3), content, np.uint8)
        return dataclasses.replace(
            item, name=name, images=dataclasses.replace(item.images, images=pixels, storage="pixels")
        )

    counted, protocols = Counted(), (other("a", 1), other("b", 2))
    system = fused(member(counted, protocols=protocols))
    system.embed_protocol(protocols[1])
    keys = item.keys()
    assert counted.embedded == [(2, *key) for key in keys]
    with pytest.raises(UserError, match="member one: c: found 0 images"):
        system.embed_protocol(other("c", 3))


def test_a_member_loads_its_data_once():
    loaded = []

    def load() -> MemberData:
        loaded.append(1)
        return member_data(Counted())

    system = fused(FusedMember(True, 2, load))
    for listed in LISTS.values():
        system.embed_list(listed)
    assert loaded == [1]


def test_images_of_the_data_are_those_of_the_members_source():
    counted = Counted()
    aligned = dataclasses.replace(SPLIT, source=images(("Ada", "Grace", "Hedy"), 7))
    fused(member(counted, split=aligned)).embed_source(SOURCE.of_identities({"Hedy"}))
    assert counted.embedded == [(7, "Hedy", 1), (7, "Hedy", 2)]


def test_data_that_a_member_does_not_have_are_refused_in_words():
    other = images(("Mary",), 0)
    with pytest.raises(UserError, match="Mary, image 1: not among its images"):
        fused(member(Counted())).embed_source(other)
    with pytest.raises(UserError, match="member one: sets/b: found 0 images, expected the 3 images of the whole"):
        fused(member(Counted(), sets=SETS[:1])).embed_list(LISTS["sets/b"])
    known = EmbeddedImages("test", np.ones((1, 4)), np.array(["Ada"]), np.array([1]))
    with pytest.raises(UserError, match="member one: test: found 1 images, expected the 3 images of the whole"):
        fused(member(Counted(), known={"test": known})).embed_list(LISTS["test"])


@pytest.mark.parametrize("weights", [{"one": -1.0}, {"one": 0.0}, {"two": 1.0}, {}])
def test_weights_that_are_no_weights_of_the_members_are_a_mistake(weights: dict[str, float]):
    with pytest.raises(ValueError, match="expected a weight of at least 0 for each of"):
        FusedEmbedder({"one": member(Counted())}, weights)
