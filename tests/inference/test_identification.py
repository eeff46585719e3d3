"""A protocol evaluated with a network equals its parts done by hand."""

import dataclasses
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import Skipped
from lfw_jax.data.protocols.evaluated_lists import EvaluatedList
from lfw_jax.data.protocols.identification_sets import IdentificationSet, read_identification_sets
from lfw_jax.errors import UserError
from lfw_jax.evaluation.identification.identify import identify
from lfw_jax.evaluation.identification.protocol import Templates
from lfw_jax.evaluation.identification.results import IdentificationResult
from lfw_jax.inference.embedder import Embedder
from lfw_jax.inference.identification import identify_set
from lfw_jax.inference.representation import DecodedImages
from lfw_jax.inference.run_embedder import SingleEmbedder
from tests.data.identification.protocol_files import write, write_protocol


def _project(matrix: jax.Array, images: jax.Array) -> jax.Array:
    return images.reshape(len(images), -1) @ matrix


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(8 * 8 * 3, 5)), jnp.float32)
    return Embedder(_project, matrix, CropGeometry(8), flip=False, batch_size=16, loader="pillow")


def alone(embedder: Embedder) -> SingleEmbedder:
    def decode(listed: EvaluatedList) -> DecodedImages:
        raise AssertionError(f"a protocol has no list of pairs such as {listed.role}")

    return SingleEmbedder(embedder, decode)


@pytest.fixture
def item(tmp_path: Path) -> IdentificationSet:
    return read_identification_sets([str(write_protocol(tmp_path / "small"))])[0]


def test_a_protocol_equals_its_parts_done_by_hand(embedder: Embedder, item: IdentificationSet):
    (result,) = identify_set(alone(embedder), item).values()
    embeddings = embedder.embed_images(item.images)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    pooled = []
    for template in range(len(item.rows.ids)):  # photo by photo, and the video's two frames as one
        rows = np.flatnonzero(item.rows.templates == template)
        assert item.rows.quality is not None
        weighted = [item.rows.quality[row] * unit[item.rows.members[row]] for row in rows]
        pooled.append(weighted[0] if len(rows) == 1 else weighted[0] + weighted[1] + (weighted[2] + weighted[3]) / 2)
    subjects = np.array(item.rows.subjects)
    every = Templates("small", np.array(pooled), subjects)
    gallery = every.where(np.arange(0, 10, 2), "gallery").with_distractors(embeddings[30:])
    expected = identify(every.where(np.arange(1, 12, 2), "probes"), gallery, name="small")
    assert (result.gallery, result.identities, result.distractors) == (5, 5, 3)
    assert result.closed_set == expected.closed_set
    assert result.open_set == expected.open_set
    assert result.closed_set is not None
    assert (result.closed_set.probes, result.closed_set.without_mate) == (5, 1)
    assert result.retrieval is not None
    assert (result.retrieval.items, result.retrieval.queries) == (12, 12)
    assert result.verification is not None
    assert (result.verification.pairs, result.verification.same_pairs) == (12, 6)
    same = [np.linalg.norm(every.embeddings[2 * i] - every.embeddings[2 * i + 1]) for i in range(6)]
    assert result.verification.positive_distance_mean == pytest.approx(np.mean(same), rel=1e-5)


def test_several_galleries_have_a_result_each_beside_that_of_the_set(embedder: Embedder, tmp_path: Path):
    path = write_protocol(tmp_path / "p")
    write(tmp_path / "p" / "g2.csv", ["5", "4"])
    path.write_text(path.read_text() + "gallery,g2.csv\n")
    (item,) = read_identification_sets([str(path)])
    results = identify_set(alone(embedder), item)
    assert list(results) == ["p", "p/gallery", "p/g2"]
    assert {name: result.gallery for name, result in results.items()} == {"p": 0, "p/gallery": 5, "p/g2": 2}
    assert results["p"].retrieval is not None
    assert results["p"].closed_set is None
    closed = results["p/g2"].closed_set
    assert closed is not None
    assert closed.without_mate == 4


def test_templates_alone_give_retrieval(embedder: Embedder, tmp_path: Path):
    path = write(write_protocol(tmp_path / "p").with_name("alone.csv"), ["templates,templates.csv"])
    (result,) = identify_set(alone(embedder), read_identification_sets([str(path)])[0]).values()
    bare = IdentificationResult("alone", 0, 0, 0, retrieval=result.retrieval)
    assert result == bare
    assert result.retrieval is not None


def test_images_that_cannot_be_aligned_are_named(embedder: Embedder, item: IdentificationSet):
    fewer = item.images.where(np.arange(1, 33))
    fewer = dataclasses.replace(fewer, skipped=(Skipped("0.png", "truncated"),))
    with pytest.raises(UserError, match=r"small: 1 of its images cannot be aligned, the first 0.png: truncated"):
        identify_set(alone(embedder), dataclasses.replace(item, images=fewer))


def test_a_network_that_has_diverged_is_named(embedder: Embedder, item: IdentificationSet):
    with pytest.raises(UserError, match="embeddings are not finite"):
        identify_set(alone(embedder.with_variables(embedder.variables * np.nan)), item)
