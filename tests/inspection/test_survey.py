"""Inspection of what training makes of a set: draws, parts, who is left out, and what would go wrong."""

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from configs import base
from lfw_jax.data.batches.sampling import build_sampler
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import Skipped
from lfw_jax.data.protocols.splitting import split
from lfw_jax.inspection import Plan, duplicates, survey
from lfw_jax.inspection.draws import count_draws
from lfw_jax.inspection.parts import NAMES, assign_parts, identity_rows
from tests.inspection.small_sets import encoded, images_of, on_disk, picture, set_of

PLAN = Plan(side=16, crop=1.0, loss="cosface", compares=False)


@contextlib.contextmanager
def silent(*_):
    yield lambda _: None


def configured(**changes):
    config = base.get_config()
    config.data.protocol = "generated"
    config.data.validation_people = 0.3
    config.sampler.batch_size = 8
    config.update_from_flattened_dict(changes)
    return config


def look(images, plan=PLAN, **changes):
    config = configured(**changes)
    return survey(images, config.sampler, plan, lambda: split(images, config.data, None, seed=0), seed=0, stage=silent)


# Draws


@pytest.mark.parametrize(("batch_size", "dropped"), [(5, 0), (8, 4)])
def test_a_uniform_sampler_draws_every_image_once_an_epoch(batch_size, dropped):
    labels = np.repeat(np.arange(5), 4)
    config = configured(**{"sampler.batch_size": batch_size}).sampler
    found = count_draws(build_sampler(config, labels, seed=0), labels)
    assert found.counts.sum() == 4 * (20 - dropped)
    assert found.counts.max() == 4
    summary = found.summary(tuple("abcde"))
    assert summary["steps_per_epoch"] == 20 // batch_size
    assert summary["by_images_of_identity"] == [{"from": 4, "images": 20, "per_epoch": pytest.approx(1 - dropped / 20)}]


def test_identities_with_too_few_images_are_never_sampled_if_they_are_left_out():
    labels = np.repeat(np.arange(6), [1, 1, 4, 4, 4, 40])
    config = configured(**{"sampler.name": "people_images", "sampler.short": "leave_out"}).sampler
    found = count_draws(build_sampler(config, labels, seed=0), labels)
    summary = found.summary(tuple("abcdef"))
    assert summary["never_identities"] == 2
    assert summary["never_images"] == 2 + int((found.counts[labels == 5] == 0).sum())
    assert summary["singletons_of_draws"] == 0.0
    assert summary["seldom_images"] == 40
    assert (found.positives == 2 * 6).all()


def test_repetitions_of_one_image_are_no_positive_pair():
    labels = np.arange(8)
    config = configured(**{"sampler.name": "people_images"}).sampler
    found = count_draws(build_sampler(config, labels, seed=0), labels)
    assert not found.positives.any()
    summary = found.summary(tuple("abcdefgh"))
    assert summary["singletons_of_draws"] == 1.0
    assert summary["batches_without_positive_pair"] == 1.0


def test_of_given_pairs_only_the_pairs_count():
    labels = np.repeat(np.arange(4), 5)
    config = configured(**{"sampler.name": "pairs", "sampler.same_share": 0.25}).sampler
    found = count_draws(build_sampler(config, labels, seed=0), labels, paired=True)
    assert (found.positives == 1).all()


# Parts


@pytest.fixture(scope="module")
def divided():
    images = set_of([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 2, 2, 2, 2])
    images = dataclasses.replace(
        images,
        images=[Path("data", name, f"{number}.jpg") for name, number in list(images.keys())],
        skipped=(Skipped("data/p3/x.jpg", "not an image"), Skipped("data/gone/y.jpg", "not an image")),
        storage="files",
    )
    return images, split(images, configured().data, None, seed=0)


def test_everybody_is_in_one_part_and_whoever_does_not_train_has_a_reason(divided):
    images, parts_of = divided
    parts = assign_parts(images, parts_of)
    rows = identity_rows(images, parts)
    assert sorted(name for name, *_ in rows) == sorted([*images.names, "gone"])
    training = set(parts_of.training.names)
    for name, count, part, reason in rows:
        assert (part == "training") == (name in training)
        assert bool(reason) == (name not in training)
        assert (part == "test") == (name in parts_of.test.identities())
        assert count == (0 if name == "gone" else int((images.labels == images.names.index(name)).sum()))
    summary = parts.summary(images)
    assert summary["training"] == {"identities": len(training), "images": len(parts_of.training)}
    left = sum(group["identities"] for group in summary["left_out"].values())
    assert left == len(images.names) + 1 - len(training)
    assert summary["left_out"]["no readable image"]["examples"] == ["gone"]
    assert summary["pairs"]["test"]["same"] == int(parts_of.test.same.sum())


def test_without_a_split_everybody_is_listed_all_the_same(divided):
    images, _ = divided
    rows = identity_rows(images, None)
    assert {name for name, *_ in rows} == {*images.names, "gone"}
    assert {(part, reason) for name, _, part, reason in rows if name != "gone"} == {("", "")}
    assert ("gone", 0, "", "no readable image: 1 skipped") in rows


def test_an_identity_is_missing_by_its_folder_and_never_by_that_of_a_list(divided):
    images, _ = divided
    skipped = (Skipped("data/locked", "no right to read"), Skipped("data/p3/deep/x.jpg", "not an image"))
    folder = dataclasses.replace(images, skipped=skipped)
    assert {name for name, *_ in identity_rows(folder, None)} == {*images.names, "locked"}
    listed = dataclasses.replace(folder, names=tuple(f"label {i}" for i in range(len(images.names))))
    assert {name for name, *_ in identity_rows(listed, None)} == {*listed.names}


def test_an_image_is_in_the_part_that_uses_it(divided):
    images, parts_of = divided
    parts = assign_parts(images, parts_of)
    used = {
        "test": parts_of.test.keys(),
        "training": parts_of.training.keys(),
        "validation": parts_of.validation.keys(),
    }
    expected = {key: part for part, keys in used.items() for key in keys}
    assert [NAMES[part] for part in parts.image] == [expected.get(key, "none") for key in list(images.keys())]


def test_identities_that_the_sampler_leaves_out_are_named_with_the_reason(divided):
    images, parts_of = divided
    parts = assign_parts(images, parts_of, least_images=4)
    few = {name for name, count in zip(images.names, parts.counts, strict=True) if count < 4}
    few &= set(parts_of.training.names)
    assert few
    assert parts.excluded_by_sampler == len(few)
    assert {name for name, reason in parts.reasons.items() if "fewer than 4 images" in reason} == few


def test_a_picture_on_both_sides_of_the_split_comes_first():
    images = set_of([3] * 12)
    parts_of = split(images, configured().data, None, seed=0)
    training, test = images.names.index(parts_of.training.names[0]), images.names.index(parts_of.test.first[0][0])
    contents = list(images.images)
    tested = images.keys().index(parts_of.test.first[0])
    trained = int(np.flatnonzero(images.labels == training)[0])
    contents[trained] = contents[tested]
    same_identity = np.flatnonzero(images.labels == training)[1:]
    contents[same_identity[1]] = contents[same_identity[0]]
    images = dataclasses.replace(images, images=contents)
    found = look(images)
    summary = found.summary()["duplicates"]
    assert summary["on_both_sides"] == 1
    assert summary["same_bytes"] == {"groups": 2, "within_identities": 1, "across_identities": 1}
    assert sorted(summary["pairs"][0]["identities"]) == sorted([f"p{training}", f"p{test}"])
    assert sorted(summary["pairs"][0]["parts"]) == ["test", "training"]
    assert len(summary["pairs"]) == 1
    rows = list(duplicates.rows(images, found.likeness, found.parts))
    assert [len(row) for row in rows] == [len(duplicates.COLUMNS)] * 2
    assert {rows[0][2], rows[0][5]} == {"training", "test"}
    assert "one image in training and the other in validation or test" in found.concerns[0]


# The whole


def test_errors_of_split_and_sampler_are_reported_with_all_other_facts():
    found = look(set_of([1, 1, 1]), **{"sampler.batch_size": 64}).summary()
    assert found["split"] is None
    assert found["sampler"] is None
    refused_by_the_split, refused_by_the_sampler = found["faults"]
    assert "3 identities" in refused_by_the_split
    assert "--config.sampler.batch_size is 64" in refused_by_the_sampler
    assert found["identities"] == 3
    assert found["files"]["formats"] == {"PNG": 3}
    assert found["duplicates"]["on_both_sides"] is None


def test_without_a_split_the_sampler_is_that_of_all_images():
    found = look(set_of([2, 2, 2, 2]), **{"data.protocol": "view9"}).summary()
    assert found["split"] is None
    assert "view9" in found["faults"][0]
    assert found["sampler"]["of_all_images"]
    assert found["sampler"]["images"] == 8


@pytest.mark.parametrize(
    ("images", "plan", "changes", "words"),
    [
        (
            lambda: set_of([1] * 8),
            Plan(16, 1.0, "triplet", True),
            {"data.protocol": "none"},
            "no batch has two images",
        ),
        (lambda: set_of([2] + [1] * 31), Plan(16, 1.0, "triplet", True), {"data.protocol": "none"}, "on average"),
        (
            lambda: set_of([2, 2] + [1] * 8),
            Plan(16, 1.0, "triplet", True),
            {"data.protocol": "none", "sampler.name": "people_images", "sampler.images_per_person": 2},
            "a single image",
        ),
        (lambda: set_of([3] * 12), Plan(64, 1.0, "cosface", False), {}, "enlarged"),
        (lambda: set_of([3] * 12), Plan(64, 0.5, "cosface", False), {}, "median side 20"),
        (
            lambda: images_of([encoded(picture(i, 200, 210)) for i in range(8)], [0] * 8),
            Plan(112, 1.0, "cosface", False),
            {},
            "their median side is 200 pixels",
        ),
        (lambda: set_of([3] * 12), PLAN, {}, "identities are used for training"),
        (lambda: images_of([encoded(picture(i, 60, 40)) for i in range(8)], [0] * 8), PLAN, {}, "not square"),
        (
            lambda: images_of([encoded(picture(i, mode="L")) for i in range(8)], [0] * 8),
            PLAN,
            {},
            "all images are grey",
        ),
        (
            lambda: images_of([encoded(picture(i, mode="RGB" if i else "L")) for i in range(8)], [0] * 8),
            PLAN,
            {},
            "1 of 8 images are grey",
        ),
        (
            lambda: dataclasses.replace(set_of([4, 4]), skipped=(Skipped("x", "not an image"),)),
            PLAN,
            {},
            "1 of 9 files",
        ),
        (lambda: images_of([encoded(picture(0))] * 2, [0, 0]), PLAN, {}, "add no information"),
        (lambda: dataclasses.replace(set_of([2, 2]), names=("Ana_Li", "ana-li")), PLAN, {}, "'Ana_Li' and 'ana-li'"),
        (lambda: images_of([encoded(picture(0))] * 2, [0, 1]), PLAN, {}, "one of the two labels must be wrong"),
        (
            lambda: images_of([encoded(picture(0, 120, 120), quality=q) for q in (90, 50)], [0, 1]),
            PLAN,
            {},
            "near duplicates",
        ),
        (
            lambda: set_of([1] * 99 + [80]),
            PLAN,
            {"data.protocol": "none"},
            "1 % of the identities have 45 % of the images",
        ),
        (
            lambda: set_of([2] * 20),
            PLAN,
            {"sampler.name": "people_images", "sampler.short": "leave_out"},
            "the sampler excludes",
        ),
    ],
)
def test_problems_are_described(images, plan, changes, words):
    assert any(words in concern for concern in look(images(), plan, **changes).concerns)


def test_a_good_set_has_no_problems():
    found = look(set_of([4] * 120), Plan(32, 1.0, "cosface", False))
    assert found.faults == ()
    assert found.concerns == ()


def test_aligned_faces_for_a_small_network_are_not_taken_for_photographs():
    faces = images_of([encoded(picture(i, 112, 112)) for i in range(8)], [0] * 8)
    assert not any("used whole" in concern for concern in look(faces, Plan(64, 1.0, "cosface", False)).concerns)


def test_a_sound_header_over_a_spoilt_picture_is_found(tmp_path):
    spoilt = bytearray(encoded(picture(1, 64, 64), "PNG"))
    spoilt[60:-20] = bytes(len(spoilt) - 80)
    images = on_disk(
        tmp_path, [encoded(picture(0), "PNG"), bytes(spoilt), encoded(picture(0), "PNG")], [0, 0, 1], "png"
    )
    found = look(images)
    assert [item.path for item in found.unreadable] == [str(tmp_path / "1.png")]
    assert found.unreadable[0].reason
    assert found.likeness.pairs.tolist() == [[0, 2]]
    assert any("cannot be decoded" in concern for concern in found.concerns)
    assert len(found.sample_crops(CropGeometry(16), 8, seed=0)) == 2
