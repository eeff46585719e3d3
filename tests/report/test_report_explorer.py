"""The content of the explorer: its counts, the pairs of each bar, its thumbnails and its size."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from lfw_jax.evaluation.decision_counts import decision_counts
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report import explorer as module
from lfw_jax.report.explorer import Explorer, rendered_explorer
from lfw_jax.report.run_charts import distance_edges
from lfw_jax.report.thumbnails import pair_thumbnails


def pairs(count=300, seed=0, **changes):
    generator = np.random.default_rng(seed)
    same = np.arange(count) % 3 == 0
    distances = generator.normal(np.where(same, 0.8, 1.3), 0.2).clip(0, 2).round(3)
    return ScoredPairs("pairs", distances, same, **changes)


def content(given, thumbnails=None, presets=None):
    presets = {"best": 1.0} if presets is None else presets
    counts = decision_counts(given, list(presets.values()))
    found = rendered_explorer(Explorer(given, counts, presets, distance_edges(given), thumbnails))
    return found, json.loads(str(found["json"]))


def test_without_presets_and_names_pairs_have_numbers():
    given = pairs()
    found, data = content(given, presets={})
    assert found["presets"] == []
    assert data["pairs"]["number"] == (np.argsort(given.distances, kind="stable") + 1).tolist()


def test_the_initial_decisions_are_those_of_the_first_preset():
    given = pairs()
    found, data = content(given, presets={"best": 1.01, "other": 0.7})
    accepted = given.distances < 1.01
    same, different = found["rows"]
    assert same["cells"][0]["count"] == str(np.sum(accepted & given.same))
    assert different["cells"][0]["rate"] == f"{100 * np.mean(accepted[~given.same]):.1f} %"
    assert found["accuracy"] == f"{100 * np.mean(accepted == given.same):.1f} %"
    assert [data["stops"][stop] for _, stop in found["presets"]] == [1.01, 0.7]


def test_the_pairs_of_each_bar_are_those_of_the_histogram():
    given = pairs()
    edges = distance_edges(given)
    _, data = content(given)
    found = data["pairs"]
    for index, (start, end) in enumerate(zip(found["bins"], found["bins"][1:], strict=False)):
        last = index == len(edges) - 2
        inside = (given.distances >= edges[index]) & ((given.distances < edges[index + 1]) | last)
        assert found["distance"][start:end] == sorted(given.distances[inside].tolist())
        assert found["counts"][index] == inside.sum()


def test_a_long_list_is_thinned_evenly_and_says_so(monkeypatch):
    monkeypatch.setattr(module, "MOST_PAIRS", 400)
    _, data = content(pairs(2000))
    found = data["pairs"]
    sizes = np.diff(found["bins"])
    assert len(found["distance"]) == sizes.sum() <= 400
    assert sizes.max() == 400 // 80
    assert sum(found["counts"]) == 2000
    np.testing.assert_array_equal(sizes, np.minimum(found["counts"], 5))


def test_names_and_images_are_those_of_the_pairs():
    generator = np.random.default_rng(1)
    names = np.array(["Ada", "Bob", "</script>"])[generator.integers(0, 3, (300, 2))]
    given = pairs(identities=names, images=generator.integers(1, 9, (300, 2)))
    _, data = content(given)
    found, order = data["pairs"], np.argsort(given.distances, kind="stable")
    for side in (0, 1):
        assert [found["names"][code] for code in found["identities"][side]] == names[order, side].tolist()
        assert given.images is not None
        assert found["images"][side] == given.images[order, side].tolist()


def test_thumbnails_show_the_worst_errors_first_within_their_budget():
    given = pairs()
    generator = np.random.default_rng(2)
    images = generator.integers(0, 256, (600, 80, 80, 3), dtype=np.uint8)
    indices = np.arange(300), np.arange(300) + 300
    found = pair_thumbnails(given, 1.0, images, indices, budget=60_000)
    assert sum(map(len, found.jpegs.values())) <= 60_000
    error = np.where(given.same, given.distances - 1.0, 1.0 - given.distances)
    worst = np.argsort(-error, kind="stable")
    assert list(found.jpegs)[:2] == [worst[0], worst[0] + 300]
    _, data = content(given, found)
    order = np.argsort(given.distances, kind="stable").tolist()
    place = data["pairs"]["thumbnail"][0][order.index(worst[0])]
    jpeg = base64.b64decode(data["pairs"]["thumbnails"][place])
    assert Image.open(io.BytesIO(jpeg)).size == (64, 64)
    assert data["pairs"]["thumbnail"][0][order.index(worst[-1])] == -1


@pytest.mark.parametrize("count", [60_000, 200_000])
def test_the_largest_list_stays_below_six_megabytes(count):
    generator = np.random.default_rng(3)
    same = np.arange(count) % 2 == 0
    names = np.array([f"Somebody_with_a_name_{i}" for i in range(5000)])[generator.integers(0, 5000, (count, 2))]
    given = ScoredPairs("pairs", generator.random(count) * 2, same, names, generator.integers(1, 99, (count, 2)))
    found, _ = content(given)
    thumbnails = 4 / 3 * 2_000_000  # the budget of JPEGs, as text
    assert len(str(found["json"]).encode()) + thumbnails < 5_500_000
