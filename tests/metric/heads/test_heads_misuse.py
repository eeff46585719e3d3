"""Every misuse of a head raises an error with a clear message while tracing."""

from functools import partial

import jax.numpy as jnp
import pytest

from lfw_jax.metric import heads

OF_CENTERS = {"subcenter_arcface": heads.subcenter_arcface, "soft_triple": heads.soft_triple}
HEADS = {
    "softmax": heads.softmax,
    "normalized_softmax": heads.normalized_softmax,
    "sphereface": heads.sphereface,
    "cosface": heads.cosface,
    "arcface": heads.arcface,
    "combined_margin": heads.combined_margin,
    "adacos": heads.adacos,
    "adacos_next_scale": partial(heads.adacos_next_scale, scale=5.0),
    "curricularface": partial(heads.curricularface, t=0.3),
    "curricularface_next_t": partial(heads.curricularface_next_t, t=0.3),
    "magface": heads.magface,
    "adaface": partial(heads.adaface, norm_mean=2.0, norm_std=1.0),
    "proxy_anchor": heads.proxy_anchor,
} | OF_CENTERS
EMBEDDINGS, LABELS = jnp.eye(4), jnp.arange(4)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(
    ("error", "change", "words"),
    [
        (ValueError, lambda e, y, p: (e, y, p[..., :3]), "of one dim, found shapes"),
        (ValueError, lambda e, y, p: (e[0], y, p), r"expected embeddings \[batch, dim\]"),
        (ValueError, lambda e, y, p: (e, y, p[..., None]), r"prototypes \[classes, "),
        (ValueError, lambda e, y, p: (e, y[:3], p), "labels of shape"),
        (ValueError, lambda e, y, p: (e[:0], y[:0], p), "empty batch"),
        (TypeError, lambda e, y, p: (e, y.astype(float), p), "labels must be integers"),
        (TypeError, lambda e, y, p: (e.astype(int), y, p), "embeddings must be floating-point"),
        (TypeError, lambda e, y, p: (e, y, p.astype(int)), "prototypes must be floating-point"),
    ],
)
def test_arrays_that_do_not_fit_are_told_in_words(name: str, error: type[Exception], change, words: str):
    prototypes = jnp.ones((5, 2, 4)) if name in OF_CENTERS else jnp.ones((5, 4))
    with pytest.raises(error, match=words):
        HEADS[name](*change(EMBEDDINGS, LABELS, prototypes))


WITH_SCALE = (
    heads.normalized_softmax,
    heads.sphereface,
    heads.cosface,
    heads.arcface,
    heads.combined_margin,
    heads.adacos,
    heads.magface,
    partial(heads.curricularface, t=0.0),
    partial(heads.adaface, norm_mean=1.0, norm_std=1.0),
    heads.subcenter_arcface,
)


@pytest.mark.parametrize("head", WITH_SCALE)
@pytest.mark.parametrize("scale", [0.0, -64.0, float("nan"), float("inf")])
def test_a_scale_that_is_not_positive_is_told_in_words(head, scale: float):
    prototypes = jnp.ones((5, 2, 4)) if head is heads.subcenter_arcface else jnp.ones((5, 4))
    with pytest.raises(ValueError, match=rf"the scale of .* must be a positive number, found {scale}"):
        head(EMBEDDINGS, LABELS, prototypes, scale=scale)


@pytest.mark.parametrize(
    ("head", "options", "words"),
    [
        (heads.softmax, dict(bias=jnp.ones(4)), "a bias for each of 5 classes"),
        (heads.sphereface, dict(margin=1.5), "whole number from 1, found 1.5"),
        (heads.sphereface, dict(margin=0), "whole number from 1, found 0"),
        (heads.sphereface, dict(margin=float("nan")), "whole number from 1, found nan"),
        (heads.cosface, dict(margin=-0.1), "margin of CosFace is a difference of cosines"),
        (heads.cosface, dict(margin=2.0), "difference of cosines"),
        (heads.arcface, dict(margin=28.6), "margin of ArcFace is in radians"),
        (heads.arcface, dict(margin=-0.1), "in radians"),
        (heads.combined_margin, dict(m1=0.0), "m1 of the combined margin must be a positive number"),
        (heads.combined_margin, dict(m2=3.2), "m2 of the combined margin is in radians"),
        (heads.combined_margin, dict(m3=-0.2), "m3 of the combined margin is a difference"),
        (heads.adacos, dict(scale=jnp.ones(2)), "scale of AdaCos is one number"),
        (heads.curricularface, dict(t=jnp.ones(4)), "t of CurricularFace is one number"),
        (heads.curricularface, dict(t=0.0, margin=4.0), "margin of CurricularFace is in radians"),
        (heads.magface, dict(lower_norm=0.0), "lower_norm of MagFace must be a positive number"),
        (heads.magface, dict(lower_norm=110.0), "lower_norm < upper_norm"),
        (heads.magface, dict(lower_margin=0.9), "lower_margin ≤ upper_margin"),
        (heads.magface, dict(upper_margin=45.0), "upper_margin of MagFace is in radians"),
        (heads.magface, dict(regularizer=-1.0), "regularizer of MagFace"),
        (heads.adaface, dict(norm_mean=jnp.ones(4), norm_std=1.0), "norm_mean of AdaFace is one number"),
        (heads.adaface, dict(norm_mean=1.0, norm_std=1.0, margin=1.5), r"margin of AdaFace must be in \[0, 1\]"),
        (heads.adaface, dict(norm_mean=1.0, norm_std=1.0, h=0.0), "h of AdaFace must be a positive number"),
        (heads.proxy_anchor, dict(margin=-0.1), "margin of Proxy-Anchor"),
        (heads.proxy_anchor, dict(alpha=0.0), "alpha of Proxy-Anchor must be a positive number"),
    ],
)
def test_options_out_of_range_are_told_in_words(head, options: dict, words: str):
    with pytest.raises(ValueError, match=words):
        head(EMBEDDINGS, LABELS, jnp.ones((5, 4)), **options)


@pytest.mark.parametrize(
    ("error", "call", "words"),
    [
        (TypeError, lambda p: heads.softmax(EMBEDDINGS, LABELS, p, bias=jnp.arange(5)), "bias must be floating-point"),
        (ValueError, lambda p: heads.soft_triple(EMBEDDINGS, LABELS, p[:, None], la=0.0), "la of SoftTriple"),
        (ValueError, lambda p: heads.soft_triple(EMBEDDINGS, LABELS, p[:, None], gamma=-1.0), "gamma of SoftTriple"),
        (ValueError, lambda p: heads.soft_triple(EMBEDDINGS, LABELS, p[:, None], margin=3.0), "difference of cosines"),
        (ValueError, lambda p: heads.soft_triple(EMBEDDINGS, LABELS, p[:, None], tau=-0.1), "tau of SoftTriple"),
        (ValueError, lambda p: heads.subcenter_arcface(EMBEDDINGS, LABELS, p[:, None], margin=4.0), "in radians"),
        (ValueError, lambda p: heads.adacos(EMBEDDINGS, LABELS, p[:2]), "at least 3 classes, found 2"),
        (ValueError, lambda p: heads.adacos_next_scale(EMBEDDINGS, LABELS, p[:2], 1.0), "at least 3 classes, found 2"),
        (
            ValueError,
            lambda p: heads.adacos_next_scale(EMBEDDINGS, LABELS, p, 0.0),
            "scale of AdaCos must be a positive",
        ),
        (ValueError, lambda p: heads.adacos_next_scale(EMBEDDINGS, LABELS, p, jnp.ones(1)), "is one number"),
        (ValueError, lambda p: heads.curricularface_next_t(EMBEDDINGS, LABELS, p, jnp.ones(1)), "is one number"),
        (ValueError, lambda p: heads.curricularface_next_t(EMBEDDINGS, LABELS, p, 0.0, momentum=1.5), "momentum"),
        (ValueError, lambda p: heads.adaface_next_statistics(p[0], 1.0, 1.0), r"\[batch, dim\]"),
        (ValueError, lambda p: heads.adaface_next_statistics(p[:0], 1.0, 1.0), "at least one"),
        (TypeError, lambda p: heads.adaface_next_statistics(p.astype(int), 1.0, 1.0), "floating-point"),
        (
            ValueError,
            lambda p: heads.adaface_next_statistics(p, jnp.ones(1), 1.0),
            "norm_mean of AdaFace is one number",
        ),
        (ValueError, lambda p: heads.adaface_next_statistics(p, 1.0, 1.0, momentum=-0.1), "momentum"),
    ],
)
def test_other_misuse_is_told_in_words(error: type[Exception], call, words: str):
    with pytest.raises(error, match=words):
        call(jnp.ones((5, 4)))
