"""A feature of a tf.train.Example, found without a parser: the same as TensorFlow's own parser finds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.data.formats.example_message import bytes_feature


def serialised(**features: bytes | list[int] | list[float]) -> bytes:
    tf = pytest.importorskip("tensorflow")
    made = {}
    for name, value in features.items():
        if isinstance(value, bytes):
            made[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        elif value and isinstance(value[0], float):
            made[name] = tf.train.Feature(float_list=tf.train.FloatList(value=value))
        else:
            made[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=value))
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString()


@given(st.binary(max_size=70_000), st.lists(st.integers(-5, 2**40), max_size=4), st.text(max_size=200))
@settings(max_examples=30)
def test_a_serialised_feature_is_found(image: bytes, numbers: list[int], text: str):
    example = serialised(image=image, label=numbers, box=[0.5, 1.0], words=text.encode())
    assert bytes_feature(example, "image") == image
    assert bytes_feature(example, "words") == text.encode()
    assert bytes_feature(example, "img") is None
    assert bytes_feature(example, "label") is None or not numbers


@given(st.binary(max_size=300))
def test_other_bytes_are_not_an_example(content: bytes):
    assert bytes_feature(content, "image") is None


@given(st.integers(0, 400))
@settings(max_examples=40)
def test_a_truncated_record_gives_nothing(length: int):
    example = serialised(image=bytes(range(256)), label=[3])
    assert bytes_feature(example[: min(length, len(example) - 1)], "image") is None
