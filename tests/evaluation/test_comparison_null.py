"""The tests of a comparison under a true null hypothesis: the figures of docs/evaluation/compare.md."""

import numpy as np
import pytest

from lfw_jax.evaluation.comparison.compare import ACCURACY, AUC, Decisions, compare
from lfw_jax.evaluation.scores import ScoredPairs

REPETITIONS, PAIRS, PEOPLE = 250, 1000, 60


def equal_runs(seed: int) -> dict[str, Decisions]:
    """Two runs of equal quality on the same pairs, with common errors and effects of identities."""
    rng = np.random.default_rng(seed)
    same = np.arange(PAIRS) % 2 == 0
    first = rng.integers(0, PEOPLE, PAIRS)
    second = np.where(same, first, (first + rng.integers(1, PEOPLE, PAIRS)) % PEOPLE)
    identities = np.stack([first, second], axis=1).astype(str)
    common = rng.normal(0, 0.1, PAIRS)
    runs = {}
    for name in "ab":
        effect = rng.normal(0, 0.12, PEOPLE)
        of_pair = np.where(same, 1.4 * effect[first], effect[first] + effect[second])
        distances = 1 + 0.35 * ~same + common + rng.normal(0, 0.15, PAIRS) + of_pair
        pairs = ScoredPairs("test", distances, same, identities)
        runs[name] = Decisions(pairs, {ACCURACY: (distances < 1.175) == same})
    return runs


@pytest.mark.slow
def test_equal_runs_are_rarely_significant_by_the_bootstrap_and_more_often_by_mcnemar():
    rejected = {ACCURACY: 0, AUC: 0, "McNemar": 0}
    for seed in range(REPETITIONS):
        for one in compare(equal_runs(seed), resamples=400, seed=seed).differences:
            rejected[one.measure] += one.p_value < 0.05
            rejected["McNemar"] += one.mcnemar is not None and one.mcnemar.p_value < 0.05
    shares = {name: count / REPETITIONS for name, count in rejected.items()}
    print(shares)
    # 5 % with a standard error of 1.4 %.
    assert 0.01 < shares[ACCURACY] < 0.09
    assert 0.01 < shares[AUC] < 0.09
    assert shares["McNemar"] > shares[ACCURACY]
