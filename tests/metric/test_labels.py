"""Labels that JAX cannot represent are refused by every function that takes labels, before they are reduced to int32."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.metric import compare, heads, losses, memory
from lfw_jax.metric.labels import check_label_range

EMBEDDINGS, PROTOTYPES, CENTERS = jnp.eye(4), jnp.ones((5, 4)), jnp.ones((5, 2, 4))
GOOD = np.array([0, 0, 1, 1])
MEMORY = memory.init(8, 4)
OF_CENTERS = ("subcenter_arcface", "soft_triple")
STATES = {
    "adacos_next_scale": dict(scale=5.0),
    "curricularface": dict(t=0.3),
    "curricularface_next_t": dict(t=0.3),
    "adaface": dict(norm_mean=2.0, norm_std=1.0),
}
WITHOUT_LABELS = ("adacos_scale", "adaface_next_statistics", "cosines")
TAKERS = {
    "compare": lambda labels: compare(EMBEDDINGS, labels).distances,
    "compare, labels of references": lambda labels: compare(EMBEDDINGS, GOOD, EMBEDDINGS, labels).distances,
    "remember": lambda labels: memory.remember(MEMORY, EMBEDDINGS, labels).embeddings,
    "compare_with": lambda labels: memory.compare_with(MEMORY, EMBEDDINGS, labels).distances,
} | {
    name: partial(
        lambda labels, name: getattr(heads, name)(
            EMBEDDINGS, labels, CENTERS if name in OF_CENTERS else PROTOTYPES, **STATES.get(name, {})
        ),
        name=name,
    )
    for name in heads.__all__
    if name not in WITHOUT_LABELS
}  # fmt: skip
SENTENCE = r"found the label {}, expected labels from -2147483648 to 2147483647; map the labels to 0 … classes − 1"


@pytest.mark.parametrize("name", TAKERS)
@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1, 2**32, 2**32 + 1]),
        np.array([0, 1, -(2**31) - 1, 5]),
        np.array([0, 1, 2**63, 5], np.uint64),
        np.array([0, 1, 2**31, 5], np.uint32),
    ],
)
def test_a_label_beyond_int32_is_refused_in_words(name: str, labels: np.ndarray):
    found = max(map(int, labels), key=abs)
    with pytest.raises(ValueError, match=SENTENCE.format(found)):
        TAKERS[name](labels)
    # The labels that a jitted function closes over are known while it is traced.
    with pytest.raises(ValueError, match=SENTENCE.format(found)):
        jax.jit(lambda: TAKERS[name](labels))()


@pytest.mark.parametrize("name", TAKERS)
def test_labels_of_any_integer_type_within_int32_are_accepted(name: str):
    expected = TAKERS[name](GOOD.astype(np.int32))
    for dtype in (np.int8, np.uint8, np.uint32, np.int64, np.uint64):
        np.testing.assert_array_equal(TAKERS[name](GOOD.astype(dtype)), expected)
        np.testing.assert_array_equal(TAKERS[name](jnp.asarray(GOOD.astype(dtype))), expected)


@pytest.mark.parametrize("name", TAKERS)
@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (GOOD.astype(float), "labels must be integers, found float64"),
        (GOOD > 0, "labels must be integers, found bool"),
        (np.array([0, 1, 2**70, 5]), "labels must be integers, found object"),
        ([0, 0, 1, 2**32], r"labels must be an array, found list; use numpy.asarray\(labels\)"),
    ],
)
def test_labels_that_are_not_arrays_of_integers_are_refused_in_words(name: str, labels, words: str):
    with pytest.raises(TypeError, match=words):
        TAKERS[name](labels)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6))
def test_a_label_is_refused_exactly_if_jax_would_change_it(labels: list[int]):
    found = np.array(labels)
    if np.array_equal(found.astype(np.int32), found):
        check_label_range(found)
    else:
        with pytest.raises(ValueError, match="expected labels from"):
            check_label_range(found)


def test_with_64_bit_integers_labels_far_apart_stay_apart_in_a_memory():
    with jax.enable_x64():
        labels = np.array([5, 5 + 2**32, 5, 5 + 2**33])
        state = memory.remember(memory.init(4, 4), jnp.eye(4, dtype=jnp.float32), labels)
        pairs = memory.compare_with(state, jnp.eye(4, dtype=jnp.float32), labels)
        np.testing.assert_array_equal(pairs.positive, (labels[:, None] == labels) & ~np.eye(4, dtype=bool))
        with pytest.raises(ValueError, match="found the label 18446744073709551615"):
            compare(jnp.eye(4), np.full(4, 2**64 - 1, np.uint64))


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_without_a_beta_makes_the_margin_loss_nan(label: int):
    pairs = compare(EMBEDDINGS, np.array([0, 0, label, label]))
    assert np.isnan(losses.margin(pairs, beta=jnp.ones(3)))
    # Also if the label's anchors are the only ones.
    assert np.isnan(losses.margin(compare(EMBEDDINGS, np.full(4, label)), beta=jnp.ones(3)))
