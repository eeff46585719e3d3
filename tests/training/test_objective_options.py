"""Objectives refuse options of another type, before anything is traced."""

import pytest

from lfw_jax.errors import UserError
from lfw_jax.training.objectives.build import build_objective

OPTIONS = [
    (dict(name="margin", beta="x"), "--config.loss.beta is 'x'; expected a finite number."),
    (dict(name="margin", learn_beta=1), "--config.loss.learn_beta is 1; expected True or False."),
    (dict(name="soft_triple", centers="x"), "--config.loss.centers is 'x'; expected a whole number."),
    (dict(name="soft_triple", centers=0), "--config.loss.centers is 0; expected at least 1."),
    (dict(name="cosface", margin=float("nan")), "--config.loss.margin is nan; expected a finite number."),
    (dict(name="cosface", margin=True), "--config.loss.margin is True; expected a finite number."),
    (dict(name="cosface", scale=None), "--config.loss.scale is None; expected a finite number."),
    (dict(name="triplet", smooth="yes"), "--config.loss.smooth is 'yes'; expected True or False."),
    (dict(name="contrastive", form=3), "--config.loss.form is 3; expected a word."),
    (dict(name="adacos", dynamic="no"), "--config.loss.dynamic is 'no'; expected True or False."),
]


@pytest.mark.parametrize(("loss", "sentence"), OPTIONS, ids=lambda value: value if isinstance(value, str) else None)
def test_an_option_of_another_type_is_refused_by_key(loss: dict, sentence: str):
    with pytest.raises(UserError) as caught:
        build_objective(loss, dict(name="none"), classes=5, embedding_dim=4, paired=False)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("classes", [1, 2])
def test_adacos_needs_three_identities(classes: int):
    with pytest.raises(UserError, match=rf"needs at least 3 training identities, but there are {classes}\."):
        build_objective(dict(name="adacos"), dict(name="none"), classes=classes, embedding_dim=4, paired=False)
