"""The same numbers as pytorch-metric-learning 2.9.0 (golden/ computed them, in float64)."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.metric import heads
from tests.metric.golden import golden

GOLDEN = golden("heads")
HEADS = {
    "softmax": heads.softmax,
    "softmax_bias": partial(heads.softmax, bias=jnp.asarray(GOLDEN["bias"])),
    "normalized_softmax": heads.normalized_softmax,
    "arcface": heads.arcface,
    "cosface": heads.cosface,
    "sphereface": heads.sphereface,
    "sphereface_3": partial(heads.sphereface, margin=3, scale=2.5),
    "proxy_anchor": heads.proxy_anchor,
    "proxy_anchor_soft": partial(heads.proxy_anchor, margin=0.3, alpha=4.0),
    "subcenter_arcface": heads.subcenter_arcface,
    "soft_triple": heads.soft_triple,
    "soft_triple_soft": partial(heads.soft_triple, la=5.0, gamma=0.7, margin=0.2),
}
OF_CENTERS = ("subcenter_arcface", "soft_triple", "soft_triple_soft")


@cache
def differentiated(head: str):
    return jax.jit(jax.value_and_grad(HEADS[head], argnums=(0, 2)))


def evaluate(batch: str, head: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    prototypes = GOLDEN["centers" if head in OF_CENTERS else "prototypes"]
    embeddings, labels = GOLDEN[f"{batch}/embeddings"], GOLDEN[f"{batch}/labels"]
    value, gradients = differentiated(head)(embeddings, labels, prototypes)
    return np.asarray(value), *(np.asarray(gradient) for gradient in gradients)


def check(found: np.ndarray, expected: np.ndarray) -> None:
    # A gradient's rounding error is relative to its largest entry: smaller ones are differences of such.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * max(1.0, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("batch", ["near", "far", "absent", "one"])
def test_loss_and_gradients(batch: str, head: str):
    value, gradient, of_prototypes = evaluate(batch, head)
    check(value, GOLDEN[f"{batch}/{head}/loss"])
    check(gradient, GOLDEN[f"{batch}/{head}/gradient"])
    check(of_prototypes, GOLDEN[f"{batch}/{head}/prototype_gradient"])


@pytest.mark.parametrize("head", HEADS)
def test_an_embedding_of_zeros_has_the_same_loss_and_gradient_zero(head: str):
    value, gradient, of_prototypes = evaluate("zero", head)
    check(value, GOLDEN[f"zero/{head}/loss"])
    check(of_prototypes, GOLDEN[f"zero/{head}/prototype_gradient"])
    zero = ~GOLDEN["zero/embeddings"].any(axis=1)
    assert zero.sum() == 1
    check(gradient[~zero], GOLDEN[f"zero/{head}/gradient"][~zero])
    if not head.startswith("softmax"):
        # pytorch-metric-learning divides by a length of 1e-12 there, and its gradient is 1e11 and more.
        assert not gradient[zero].any()


@pytest.mark.parametrize("head", HEADS)
def test_on_and_opposite_prototypes_the_loss_is_the_same_and_gradients_are_finite(head: str):
    value, gradient, of_prototypes = evaluate("extreme", head)
    check(value, GOLDEN[f"extreme/{head}/loss"])
    for found, name in ((gradient, "gradient"), (of_prototypes, "prototype_gradient")):
        assert np.isfinite(found).all()
        expected = GOLDEN[f"extreme/{head}/{name}"]
        # Where the cosine is exactly ±1, pytorch-metric-learning's gradient of ArcFace is NaN.
        known = np.isfinite(expected)
        assert known.all() or head == "arcface"
        check(found[known], expected[known])


def test_the_goldens_hold_what_the_tests_above_are_about():
    unit = [GOLDEN[name] / np.linalg.norm(GOLDEN[name], axis=-1, keepdims=True) for name in ("prototypes", "centers")]
    found = GOLDEN["extreme/embeddings"]
    found = found / np.linalg.norm(found, axis=1, keepdims=True)
    for prototypes, least in zip((unit[0], unit[1].reshape(-1, unit[1].shape[-1])), (4, 1), strict=True):
        cosines = found @ prototypes.T
        assert (cosines > 1 - 1e-6).sum() >= least <= (cosines < -1 + 1e-6).sum()
    assert set(range(len(GOLDEN["prototypes"]))) - set(GOLDEN["absent/labels"].tolist()) >= {0, 3}
    assert np.isnan(GOLDEN["extreme/arcface/gradient"]).any()
    # Beyond π − margin ArcFace goes on in another way, and SphereFace has made several half turns.
    far = GOLDEN["far/embeddings"] / np.linalg.norm(GOLDEN["far/embeddings"], axis=1, keepdims=True)
    angles = np.arccos(np.sum(far * unit[0][GOLDEN["far/labels"]], axis=1))
    assert len(set((angles // (np.pi / 4)).tolist())) >= 3
