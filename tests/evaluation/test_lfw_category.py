"""LFW's category follows from what aligned the faces and where their identities come from."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from configs import base
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.evaluation.lfw_category import LABEL_FREE, LABELLED, NO_OUTSIDE_DATA, category_of
from lfw_jax.faces.aligned_by import UNKNOWN, aligned_by


@pytest.mark.parametrize(
    ("changes", "aligned", "category"),
    [
        ({}, "", NO_OUTSIDE_DATA),
        ({"data.source": "folder", "data.protocol": "view2"}, "", NO_OUTSIDE_DATA),
        ({}, "mtcnn 1.0.0", LABEL_FREE),
        ({}, UNKNOWN, LABEL_FREE),
        ({"data.align": True}, "", LABEL_FREE),
        ({"data.align": True, "align.engine": "jax"}, "", LABEL_FREE),
        ({"data.align": True, "align.engine": "congealing"}, "congealing 1", NO_OUTSIDE_DATA),
        ({"data.align": True, "align.engine": "congealing"}, "mtcnn 1.0.0", LABEL_FREE),
        ({"data.source": "rec"}, "", LABEL_FREE),
        ({"data.source": "synthetic"}, "", LABELLED),
        ({"data.protocol": "pairs"}, "", None),
        ({"data.protocol": "generated"}, "mtcnn 1.0.0", None),
    ],
)
def test_the_category_names_the_outside_data(changes: dict[str, Any], aligned: str, category: str | None):
    config = base.get_config()
    config.update_from_flattened_dict(changes)
    assert category_of(config, aligned_by=aligned) == category
    assert category_of(json.loads(config.to_json_best_effort()), aligned_by=aligned) == category


def images_in(folder: Path) -> ImageSet:
    return ImageSet(("A",), np.zeros(1, np.int32), np.ones(1, np.int32), [folder / "A" / "A_0001.jpg"], "files")


def test_the_settings_beside_the_images_say_what_aligned_them(tmp_path: Path):
    images = images_in(tmp_path)
    assert aligned_by(images) == ""
    (tmp_path / "manifest.csv").write_text("")
    assert aligned_by(images) == UNKNOWN
    (tmp_path / "align.json").write_text('{"detector": "mtcnn 1.0.0"}')
    assert aligned_by(images) == "mtcnn 1.0.0"
    (tmp_path / "align.json").write_text("{}")
    assert aligned_by(images) == UNKNOWN
    (tmp_path / "align.json").write_text("[]")
    with pytest.raises(UserError, match=r"align\.json: not the settings of an alignment"):
        aligned_by(images)


def test_pixels_carry_no_sign_of_an_alignment():
    pixels = np.zeros((1, 4, 4, 3), np.uint8)
    assert aligned_by(ImageSet(("A",), np.zeros(1, np.int32), np.ones(1, np.int32), pixels, "pixels")) == ""
