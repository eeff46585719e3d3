"""Evidence of a healthy run, and of runs with one fault each, from small arrays."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from lfw_jax.evaluation.diagnosis.conditions import ImageAttribute, condition
from lfw_jax.evaluation.diagnosis.embedding_space import embedding_space
from lfw_jax.evaluation.diagnosis.evidence import DataFacts, Evidence, TrainingRecord
from lfw_jax.evaluation.diagnosis.identities import identity_difficulty
from lfw_jax.evaluation.diagnosis.label_errors import label_errors
from lfw_jax.evaluation.diagnosis.neighbours import hubness
from lfw_jax.evaluation.diagnosis.separation import separation
from lfw_jax.evaluation.intervals.identity_graph import graph_of
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify, with_held_out_threshold

PAIRS, STEPS = 2000, 400
SAME = np.arange(PAIRS) % 2 == 0


def course(start: float, end: float, count: int = 40) -> tuple[tuple[int, float], ...]:
    """Return a quantity that falls or rises to its end and stays there."""
    values = end + (start - end) * np.exp(-np.linspace(0, 8, count))
    return tuple((STEPS // count * (i + 1), float(value)) for i, value in enumerate(values))


TRAINING = TrainingRecord(
    steps=STEPS, total_steps=STEPS, losses=course(9.0, 2.0), learning_rates=course(1e-3, 1e-3),
    validation_aucs=course(0.6, 0.97, 8), training_accuracies=course(0.0, 0.95), active_anchors=course(0.9, 0.4),
    collapsed_loss=0.2,
)  # fmt: skip
DATA = DataFacts(aligned=True, development_trains=True, test_identities=100)


def pairs_of(
    same: tuple[float, float], different: tuple[float, float], name: str = "test", pairs: int = PAIRS
) -> ScoredPairs:
    """Return pairs with Gaussian distances, given by mean and standard deviation."""
    rng = np.random.default_rng(len(name))
    labels = SAME[:pairs]
    distances = np.where(labels, rng.normal(*same, pairs), rng.normal(*different, pairs))
    return ScoredPairs(name, np.maximum(distances, 0), labels)


def embeddings_of(
    dims: int = 32, used: int = 32, offset: float = 0.0, spread: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings of 100 identities that vary in some of the dimensions around a common direction."""
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(size=(100, used)), 3, axis=0) + 0.3 * rng.normal(size=(300, used))
    embeddings = np.zeros((300, dims))
    embeddings[:, :used] = spread * centres
    embeddings[:, -1] += offset
    return embeddings, np.arange(300) // 3


def with_pairs(
    test: ScoredPairs, development: ScoredPairs | None = None, held_out: ScoredPairs | None = None, **changes: Any
) -> Evidence:
    """Return the evidence of these pairs, with changes of its fields."""
    development = development or pairs_of((0.7, 0.2), (1.4, 0.2), "development")
    held_out = held_out or pairs_of((0.7, 0.2), (1.4, 0.2), "held out!")
    raw = verify(pairs_of((1.1, 0.2), (1.2, 0.2), "raw"), pairs_of((1.1, 0.2), (1.2, 0.2), "raw development"))
    accepted = test.distances < 1.05
    people = [(f"a{i % 97}", f"a{i % 97}" if same else f"b{i % 89}") for i, same in enumerate(test.same)]
    named = dataclasses.replace(test, identities=np.array(people))
    fields: dict[str, Any] = dict(
        test=with_held_out_threshold(verify(test, development), held_out).metrics,
        raw_pixels=raw.metrics,
        separation=separation(test.distances, test.same),
        development_auc=0.99,
        space=embedding_space(*embeddings_of()),
        hubness=hubness((np.arange(300)[:, None] + np.arange(1, 11)) % 300),
        identities=identity_difficulty(named, accepted),
        conditions={"sharpness": sharpness_condition(test, accepted)},
        label_errors=label_errors(test, None, None, 1.05),
        training=TRAINING,
        data=DATA,
    )
    return Evidence(**(fields | changes))


def sharpness_condition(test: ScoredPairs, accepted: np.ndarray):
    values = np.random.default_rng(5).permutation(2.0 * len(test) * np.linspace(0, 1, 2 * len(test)))
    attribute = ImageAttribute("sharpness", "variance", values, "low")
    return condition(
        attribute, (np.arange(len(test)), np.arange(len(test)) + len(test)), accepted, test.same, graph_of(test)
    )


def healthy(**changes: Any) -> Evidence:
    """Return the evidence of a run without a fault, with changes of its fields."""
    return with_pairs(pairs_of((0.7, 0.2), (1.4, 0.2)), **changes)


def trained(**changes: Any) -> Evidence:
    return healthy(training=dataclasses.replace(TRAINING, **changes))


def weak(**changes: Any) -> Evidence:
    """Return a run with an AUC of about 0.7, on which conditions about weak networks depend."""
    spread = pairs_of((1.0, 0.3), (1.22, 0.3))
    development = pairs_of((1.0, 0.3), (1.22, 0.3), "development")
    return with_pairs(
        spread, development, pairs_of((1.0, 0.3), (1.22, 0.3), "held out!"), **({"development_auc": 0.7} | changes)
    )


def _errors_of_one() -> Evidence:
    test = pairs_of((0.7, 0.1), (1.4, 0.1))
    people = np.array([(f"a{i}", f"a{i}") for i in range(PAIRS)])
    accepted = test.same.copy()
    people[:20], accepted[:20] = "Ann", False
    return healthy(identities=identity_difficulty(dataclasses.replace(test, identities=people), accepted))


def _blurred() -> Evidence:
    test = pairs_of((0.7, 0.1), (1.4, 0.1))
    accepted = test.same.copy()
    accepted[:300] = ~accepted[:300]
    attribute = ImageAttribute("sharpness", "variance", np.arange(float(PAIRS)), "low")
    found = condition(attribute, (np.arange(PAIRS), np.arange(PAIRS)), accepted, test.same, graph_of(test))
    return healthy(conditions={"sharpness": found})


def _mislabelled() -> Evidence:
    test = pairs_of((0.6, 0.1), (1.4, 0.1))
    test.same[[4, 10, 601]] = ~test.same[[4, 10, 601]]
    return healthy(label_errors=label_errors(test, None, None, 1.0))


def _one_hub() -> Evidence:
    neighbours = (np.arange(300)[:, None] + np.arange(1, 11)) % 300
    neighbours[5:, 0] = 0
    return healthy(hubness=hubness(neighbours))


def _threshold(development: float) -> Evidence:
    return with_pairs(
        pairs_of((0.9, 0.2), (1.4, 0.2)), pairs_of((development - 0.25, 0.2), (development + 0.25, 0.2), "development")
    )


FAULTS: dict[str, list[Callable[[], Evidence]]] = {
    "leak": [lambda: healthy(data=dataclasses.replace(DATA, leaking={"party": 3}))],
    "collapse": [
        lambda: with_pairs(pairs_of((0.02, 0.001), (0.021, 0.001))),
        lambda: healthy(space=embedding_space(np.linspace(-1, 1, 60)[:, None] * np.ones(16), np.arange(60))),
    ],
    "stuck-at-margin": [lambda: trained(losses=course(0.3, 0.2001))],
    "dead-miner": [
        lambda: trained(active_anchors=course(0.5, 0.0)),
        lambda: trained(losses=(*course(0.5, 0.1, 30), *((STEPS, 0.0),) * 10)),
    ],
    "stalled": [lambda: weak(training=dataclasses.replace(TRAINING, losses=course(9.0, 8.9), training_accuracies=()))],
    "unfinished": [lambda: trained(total_steps=2 * STEPS)],
    "not-converged": [lambda: trained(losses=tuple((10 * i, 9.0 - 0.2 * i) for i in range(40)))],
    "memorised": [
        lambda: weak(),
        lambda: with_pairs(pairs_of((0.9, 0.25), (1.25, 0.25)), data=DATA, development_auc=0.999),
    ],
    "overfitting": [
        lambda: trained(validation_aucs=((100, 0.8), (200, 0.95), (300, 0.93), (400, 0.9)), losses=course(9, 1))
    ],
    "no-better-than-pixels": [lambda: with_pairs(pairs_of((1.1, 0.2), (1.2, 0.2)))],
    "nearly-equal-distances": [
        lambda: with_pairs(pairs_of((1.38, 0.1), (1.41, 0.1))),
        lambda: with_pairs(pairs_of((0.97, 0.1), (1.01, 0.1))),
    ],
    "threshold": [lambda: _threshold(0.9), lambda: _threshold(1.4)],
    "unaligned": [lambda: healthy(data=dataclasses.replace(DATA, aligned=False))],
    "low-rank": [lambda: healthy(space=embedding_space(*embeddings_of(used=4)))],
    "narrow-cone": [lambda: healthy(space=embedding_space(*embeddings_of(offset=8.0)))],
    "label-errors": [_mislabelled],
    "hard-condition": [_blurred],
    "dominant-identity": [_errors_of_one],
    "hubs": [_one_hub],
    "too-few": [
        lambda: with_pairs(pairs_of((0.7, 0.2), (1.4, 0.2), pairs=100)),
        lambda: healthy(data=dataclasses.replace(DATA, test_identities=20)),
    ],
}
"""Evidence that triggers each rule, by its key."""
