"""The loss of a collapsed network is the margin of the loss."""

import numpy as np
import pytest

from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.objectives.collapse import collapsed_loss

LABELS = np.arange(16) // 4


@pytest.mark.parametrize(
    ("loss", "miner", "expected"),
    [
        (dict(name="triplet", margin=0.3), dict(name="triplet_margin", kind="semihard", margin=0.3), 0.3),
        (dict(name="contrastive", neg_margin=0.8), dict(name="none"), 0.8),
    ],
)
def test_the_loss_of_equal_embeddings_is_the_margin(loss, miner, expected):
    objective = build_objective(loss, miner, classes=4, embedding_dim=8, paired=False)
    assert collapsed_loss(objective, LABELS, 8) == pytest.approx(expected, abs=2e-3)


def test_a_loss_with_prototypes_has_none():
    objective = build_objective(dict(name="cosface"), dict(name="none"), classes=4, embedding_dim=8, paired=False)
    assert collapsed_loss(objective, LABELS, 8) is None
