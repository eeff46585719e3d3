import numpy as np
import pytest

from lfw_jax.descriptors import TEMPLATE_EYE_DISTANCE, DescriptorSettings, dimension
from lfw_jax.errors import UserError


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (dict(), 16 * 16 * 59),
        (dict(scale=17.0), 15_104),
        (dict(kind="gradients"), 3072),
        (dict(kind="gradients", orientations=8, cells=2), 16 * 4 * 8),
        (dict(layout="grid"), 17 * 17 * 59),
        (dict(layout="grid", scale=17.0), 6 * 6 * 59),
        (dict(layout="grid", kind="gradients", scale=24.0, extent=2.0), 6 * 6 * 12),
    ],
)
def test_dimension(options, expected):
    assert dimension(DescriptorSettings(**options)) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(kind="sift"), "kind is 'sift'; expected lbp or gradients"),
        (dict(layout="holistic"), "layout is 'holistic'; expected points or grid"),
        (dict(kind="gradients", normalisation="image"), "expected patch or cell"),
        (dict(cell=7), "cell is 7; expected an even number of pixels from 2 to 14"),
        (dict(cell=16), "cell is 16"),
        (dict(cells=0), "cells is 0"),
        (dict(cells=2.0), "cells is 2.0; expected a whole number"),
        (dict(cells=True), "cells is True"),
        (dict(radius=0), "radius is 0"),
        (dict(kind="gradients", orientations=9), "orientations is 9; expected an even number from 2 to 36"),
        (dict(scale=0.0), "scale is 0.0; expected pixels, from 4 to 200"),
        (dict(scale=float("nan")), "scale is nan"),
        (dict(scale="47"), "scale is '47'"),
        (dict(layout="grid", scale=4.0, extent=1.0), "extent is 1.0; expected at least one cell of 8 pixels"),
        (dict(orientations=8), "orientations is 8, but has no effect with kind 'lbp'"),
        (dict(kind="gradients", radius=2), "radius is 2, but has no effect with kind 'gradients'"),
        (dict(layout="grid", cells=5), "cells is 5, but has no effect with layout 'grid'"),
        (dict(extent=2.0), "extent is 2.0, but has no effect with layout 'points'"),
        (dict(normalisation="cell"), "normalisation is 'cell', but has no effect"),
    ],
)
def test_invalid_settings_are_refused(options, words):
    with pytest.raises(UserError, match=words.replace("(", r"\(")):
        DescriptorSettings(**options)


def test_the_default_eye_distance_is_that_of_the_alignment():
    from lfw_jax.faces.alignment import template

    left, right = template(112)[:2]
    assert float(np.hypot(*(right - left))) == pytest.approx(TEMPLATE_EYE_DISTANCE, abs=1e-4)
