"""Every network, its test-time augmentation and every kind of backend become an ONNX graph that equals JAX."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from flax import linen as nn
from flax import traverse_util
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.backends.fitting import fit_backend
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.errors import UserError
from lfw_jax.faces.crops import CropSettings
from lfw_jax.faces.landmarks import face_landmarks
from lfw_jax.inference.backend_embedder import BackendEmbedder
from lfw_jax.inference.embedder import Embedder, in_inference_mode
from lfw_jax.inference.export.exportable import Exportable, exportable_of
from lfw_jax.inference.export.manifest import template_points
from lfw_jax.inference.export.onnx_model import onnx_model, run_onnx
from lfw_jax.inference.model.card import SystemCard
from lfw_jax.inference.model.directory import SavedModel
from lfw_jax.inference.model.stored_systems import single_arrays
from lfw_jax.models import MODELS, build, variable_shapes

NETWORKS: dict[str, dict[str, Any]] = {
    "siamese": dict(embedding_dim=6, features=[4, 8], hidden=10),
    "resnet50": dict(embedding_dim=6, stages=[1, 1, 1, 1], width=2),
    "resnet": dict(embedding_dim=6, stages=[2, 1], width=4, embedding_norm=True),
    "patch_resnet": dict(embedding_dim=6, features=[4, 4, 8], dropout=0.4, embedding_norm=True),
}


def saved(
    options: dict[str, Any], *, side: int = 32, margin: int = 0, backend: Any = None, **changes: Any
) -> SavedModel:
    """Return a model directory with random variables, those of batch normalisation among them."""
    network = build(options)
    rng = np.random.default_rng(0)

    def sample(name: str, shape: Any) -> np.ndarray:
        if name.endswith(("var", "scale")):
            return rng.uniform(0.5, 2, shape.shape).astype(np.float32)
        size = np.prod(shape.shape[:-1]) if name.endswith("kernel") else 10
        return rng.normal(0, (2 / size) ** 0.5, shape.shape).astype(np.float32)

    shapes = traverse_util.flatten_dict(variable_shapes(network, side), sep="/")
    variables = traverse_util.unflatten_dict({name: sample(name, shape) for name, shape in shapes.items()}, sep="/")
    geometry = CropGeometry(side, margin=margin)
    flags = {"flip": True, "shift": 0} | changes
    embedder = Embedder(in_inference_mode(network), {"batch_stats": {}} | variables, geometry, batch_size=8, **flags)
    representation = embedder if backend is None else BackendEmbedder(embedder, backend)
    system = SystemCard(options, **flags, batch_size=8, geometry=geometry, backend=backend.name if backend else "")
    card: Any = dataclasses.make_dataclass("Card", ["name", "system"], bases=(), namespace={})("tiny", system)
    assert isinstance(system, SystemCard)
    return SavedModel(card, single_arrays(representation))


def check(exported: Exportable, path: Path) -> None:
    side = exported.embedder.geometry.stored_side
    squares = np.random.default_rng(1).integers(0, 256, (5, side, side, 3), dtype=np.uint8)
    onnx.save(onnx_model(exported), path)
    expected = exported.embed(squares)
    for batch in (squares[:1], squares):
        np.testing.assert_allclose(run_onnx(path, batch), expected[: len(batch)], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-6)


def test_every_network_has_a_case():
    assert NETWORKS.keys() == MODELS.keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_equals_jax(name: str, tmp_path: Path):
    check(exportable_of(saved({"name": name} | NETWORKS[name]), "model"), tmp_path / "a.onnx")


@pytest.mark.parametrize("name", ["siamese", "resnet", "patch_resnet"])
def test_padding_at_odd_sides_equals_jax(name: str, tmp_path: Path):
    options = {"name": name} | NETWORKS[name] | ({"features": [4, 4]} if name == "patch_resnet" else {})
    check(exportable_of(saved(options, side=29), "model"), tmp_path / "a.onnx")


@pytest.mark.parametrize(("flip", "shift"), [(False, 0), (True, 2), (False, 1)])
def test_test_time_augmentation_equals_jax(flip: bool, shift: int, tmp_path: Path):
    options = {"name": "siamese"} | NETWORKS["siamese"]
    check(exportable_of(saved(options, side=16, margin=3, flip=flip, shift=shift), "model"), tmp_path / "a.onnx")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cosine", {}),
        ("cosine", {"pca_dimension": 4}),
        ("lda", {}),
        ("joint_bayesian", {"pca_dimension": 4}),
        ("plda", {"dimension": 3}),
    ],
)
def test_backends_equal_jax(name: str, options: dict[str, Any], tmp_path: Path):
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(40), 4)
    vectors = rng.normal(size=(40, 6))[labels] + 0.3 * rng.normal(size=(160, 6)) + 1
    backend = fit_backend(name, vectors.astype(np.float32), labels, **options)
    model = saved({"name": "siamese"} | NETWORKS["siamese"], side=16, backend=backend)
    check(exportable_of(model, "model"), tmp_path / "a.onnx")


def test_bfloat16_is_exported_in_float32(tmp_path: Path):
    options = {"name": "patch_resnet"} | NETWORKS["patch_resnet"]
    one, other = (exportable_of(saved(options | {"dtype": dtype}), "model") for dtype in ("bfloat16", "float32"))
    check(one, tmp_path / "a.onnx")
    squares = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(one.embed(squares), other.embed(squares))


def test_a_network_without_a_graph_is_refused():
    class Other(nn.Module):
        """Another network."""

    exported = exportable_of(saved({"name": "siamese"} | NETWORKS["siamese"], side=16), "model")
    with pytest.raises(
        UserError, match=r"the network is a Other; the networks with an ONNX graph are PatchResNet, ResNet"
    ):
        onnx_model(dataclasses.replace(exported, network=Other()))


def test_the_graph_is_compact():
    model = onnx_model(exportable_of(saved({"name": "patch_resnet"} | NETWORKS["patch_resnet"]), "model"))
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("Conv") == 1 + 2 * 3 + 1  # the stem, two per block, one shortcut
    assert "BatchNormalization" not in kinds
    assert len(kinds) < 40


@settings(max_examples=30, deadline=None)
@given(
    side=st.integers(16, 128),
    margin=st.integers(0, 12),
    pixels=st.integers(0, 30),
    share=st.floats(0.4, 1),
)
def test_points_of_the_template_follow_the_crop(side: int, margin: int, pixels: int, share: float):
    crops = CropSettings(margin=pixels)
    whole = 112 + 2 * pixels
    of_faces = CropGeometry(side, 112 / whole, margin)
    # The crop of aligned faces shows the template: then both functions agree, up to the rounding of the box to pixels.
    np.testing.assert_allclose(template_points(of_faces, crops), face_landmarks(None, of_faces), atol=0.5 * side / 56)
    found = template_points(CropGeometry(side, share, margin), crops)
    centre, middle = (whole - 1) / 2, (side + 2 * margin - 1) / 2
    eyes = np.linalg.norm(found[1] - found[0])
    expected = np.linalg.norm(face_landmarks(None, CropGeometry(112))[1] - face_landmarks(None, CropGeometry(112))[0])
    np.testing.assert_allclose(eyes / expected, side / (share * whole), rtol=0.1)
    assert abs(found[2, 0] - middle) < abs(56.0252 + pixels - centre) * side / (share * whole) + 1.5 * side / 56
