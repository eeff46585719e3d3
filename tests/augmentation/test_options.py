"""Options of the augmentation: unknown options and values out of range are reported with their key."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import base
from lfw_jax.augmentation import Augmentation
from lfw_jax.errors import UserError


def test_the_base_configuration_has_every_option_at_its_default_except_the_flip():
    configured = base.get_config().augmentation.to_dict()
    assert configured == dataclasses.asdict(Augmentation()) | {"flip": 0.5}
    assert Augmentation.from_config(configured) == Augmentation(flip=0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flip", 1.5),
        ("grayscale", -0.1),
        ("blur", 2),
        ("blur_sigma", -1.0),
        ("blur_sigma", 100.0),
        ("downscale", float("nan")),
        ("downscale_factor", 0.0),
        ("downscale_factor", 2.0),
        ("jpeg", True),
        ("jpeg_quality", 0),
        ("jpeg_quality", 101),
        ("jpeg_quality", 50.5),
        ("rotation", -5.0),
        ("shift", 1.2),
        ("scale", float("inf")),
        ("contrast", 1.1),
        ("saturation", "much"),
        ("brightness", -0.2),
        ("erasing", 30),
        ("erasing_fill", "black"),
    ],
)
def test_a_value_out_of_range_is_reported_with_its_key(name: str, value: object):
    with pytest.raises(UserError, match=rf"--config\.augmentation\.{name} is .*expected") as caught:
        Augmentation.from_config({name: value})
    assert repr(value) in str(caught.value)


def test_an_unknown_option_is_reported_with_the_closest_one():
    with pytest.raises(UserError, match="unknown option 'greyscale'; did you mean grayscale"):
        Augmentation.from_config({"greyscale": 0.1})
    with pytest.raises(UserError, match="unknown option 'mixup'; the options are flip, rotation"):
        Augmentation.from_config({"mixup": 0.1})


@given(st.floats(0, 1), st.floats(0, 16), st.floats(0.01, 1), st.integers(1, 100))
def test_every_value_within_its_range_is_accepted(probability: float, sigma: float, factor: float, quality: int):
    options = Augmentation(
        jpeg=probability, blur=probability, blur_sigma=sigma, downscale_factor=factor, jpeg_quality=quality
    )
    assert options.blurs == (probability > 0 and sigma > 0)
    assert not options.shrinks
