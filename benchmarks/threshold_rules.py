"""Rules for choosing a threshold on few identities, compared by their accuracy on others.

    python -m benchmarks.threshold_rules --scores=runs/lfw_cpu/scores.npz
    python -m benchmarks.threshold_rules --scores=runs/lfw_cpu/scores.npz --embeddings=runs/lfw_cpu/embeddings.npz

A draw takes some identities, and the listed pairs whose first image is of one of them, as many of each kind. Each rule chooses a
threshold on these, which is applied to the test pairs. The role "test" chooses on pairs of test identities and evaluates on the
test pairs without any of them. With `--embeddings`, the empirical best threshold is also chosen on pairs that are sampled with a
limit per identity (`config.data.pairs_per_identity`), where one identity in ten has many images and the others have two.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from lfw_jax.data.protocols.lfw_lists import generate_pairs
from lfw_jax.evaluation.embeddings import EmbeddedImages, read_embeddings
from lfw_jax.evaluation.scores import ScoredPairs, read_scores
from lfw_jax.evaluation.threshold_models import RULES
from lfw_jax.evaluation.thresholds import best_accuracy
from lfw_jax.evaluation.verification import pair_distances

_SCORES = flags.DEFINE_string("scores", "", "scores.npz of a work directory.")
_EMBEDDINGS = flags.DEFINE_string("embeddings", "", "embeddings.npz of a work directory.")
_IDENTITIES = flags.DEFINE_list("identities", ["10", "20", "40", "80"], "Numbers of identities.")
_DRAWS = flags.DEFINE_integer("draws", 500, "Draws per number of identities.")
_CAPS = flags.DEFINE_list("caps", ["0", "1", "2", "5", "10", "20"], "Limits of pairs per identity; 0 for none.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the draws.")

Pairs = tuple[np.ndarray, np.ndarray]
"""Distances and kinds."""


def draws(
    pairs: ScoredPairs, identities: int, count: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, Pairs]]:
    """Yield drawn identities and the pairs whose first image is of one of them, as many of each kind.

    Args:
      pairs: the listed pairs, with names.
      identities: number of identities.
      count: number of draws. Those without a pair of either kind are drawn again, at most ten times as often.
      rng: the source of randomness.
    """
    assert pairs.identities is not None
    first = pairs.identities[:, 0]
    names = np.unique(first)
    found = 0
    for _ in range(10 * count):
        chosen = rng.choice(names, min(identities, len(names)), replace=False)
        inside = np.isin(first, chosen)
        kinds = [np.flatnonzero(inside & kind) for kind in (pairs.same, ~pairs.same)]
        size = min(map(len, kinds))
        if not size:
            continue
        picked = np.concatenate([rng.choice(kind, size, replace=False) for kind in kinds])
        yield chosen, (pairs.distances[picked], pairs.same[picked])
        found += 1
        if found == count:
            return


def accuracies(
    test: ScoredPairs, source: ScoredPairs, identities: int, count: int, seed: int
) -> tuple[dict[str, np.ndarray], float]:
    """Return the test accuracies of each rule, and the mean number of pairs for choosing a threshold.

    Args:
      test: the test pairs.
      source: the pairs to choose on; the test pairs themselves to choose on some identities and evaluate on others.
      identities: number of identities per draw.
      count: number of draws.
      seed: seed of the draws.
    """
    results: dict[str, list[float]] = {name: [] for name in RULES}
    sizes = []
    for chosen, (distances, same) in draws(source, identities, count, np.random.default_rng(seed)):
        kept = np.ones(len(test), bool)
        if source is test:
            assert test.identities is not None
            kept = ~np.isin(test.identities, chosen).any(axis=1)
        sizes.append(len(same))
        for name, choose in RULES.items():
            accepted = test.distances[kept] < choose(distances, same)
            results[name].append(float(np.mean(accepted == test.same[kept])))
    return {name: np.array(values) for name, values in results.items()}, float(np.mean(sizes)) if sizes else 0.0


def capped(images: EmbeddedImages, identities: int, caps: list[int], count: int, seed: int) -> dict[int, np.ndarray]:
    """Return the accuracies of the empirical best threshold on pairs sampled with limits per identity.

    Each draw splits the identities: on some of them pairs are sampled, and 1,000 pairs of all others are the test. One in ten of
    the former keeps all its images, the others two each.

    Args:
      images: the images.
      identities: number of identities to choose on.
      caps: limits of pairs per identity; 0 for none.
      count: number of draws.
      seed: seed of the draws.
    """
    rng, results = np.random.default_rng(seed), {cap: [] for cap in caps}
    numbers: dict[str, list[int]] = {}
    for name, number in zip(images.identities.tolist(), images.numbers.tolist(), strict=True):
        numbers.setdefault(name, []).append(number)
    index = {key: i for i, key in enumerate(zip(images.identities.tolist(), images.numbers.tolist(), strict=True))}
    several = sorted((name for name, own in numbers.items() if len(own) > 1), key=lambda name: -len(numbers[name]))

    def scored(counts: dict[str, list[int]], pairs: int, cap: int, sample: int) -> Pairs:
        found = generate_pairs(counts, pairs=pairs, seed=sample, per_identity=cap)
        first, second = (np.array([index[key] for key in side]) for side in (found.first, found.second))
        return pair_distances(images.embeddings, first, second), found.same

    large = several[: max(1, len(several) // 3)]
    for draw in range(count):
        many = set(rng.choice(large, max(1, identities // 10), replace=False).tolist())
        others = [name for name in several if name not in many]
        few = rng.choice(others, min(identities, len(several) // 2) - len(many), replace=False).tolist()
        chosen = {name: numbers[name] for name in many} | {name: numbers[name][:2] for name in few}
        distances, same = scored({name: own for name, own in numbers.items() if name not in chosen}, 500, 0, draw)
        for cap in caps:
            threshold = best_accuracy(*scored(chosen, 600, cap, draw))
            results[cap].append(float(np.mean((distances < threshold) == same)))
    return {cap: np.array(values) for cap, values in results.items()}


def main(_: list[str]) -> None:
    console = Console(width=100)
    wanted = [int(text) for text in _IDENTITIES.value]
    if _SCORES.value:
        scores = read_scores(Path(_SCORES.value))
        test = scores["test"]
        console.print(f"{_SCORES.value}: best accuracy of any threshold on {test.name}: {_best(test):.2f} %")
        for role, source in scores.items():
            if source.identities is not None and not role.startswith("sets/"):
                table = _rules_table(test, source, wanted)
                console.print(table if table.row_count else f"{source.name}: too few identities")
    if _EMBEDDINGS.value:
        images = read_embeddings(Path(_EMBEDDINGS.value))["test"]
        caps = [int(text) for text in _CAPS.value]
        table = _table("Pairs per identity at most: accuracy, mean ± standard deviation, %", map(str, caps))
        for identities in wanted:
            found = capped(images, identities, caps, _DRAWS.value, _SEED.value)
            table.add_row(str(identities), "", *(_summary(found[cap]) for cap in caps))
        console.print(table)


def _rules_table(test: ScoredPairs, source: ScoredPairs, wanted: list[int]) -> Table:
    other = " (other identities)" if source is test else ""
    table = _table(f"Chosen on {source.name}{other}: accuracy on {test.name}, mean ± standard deviation, %", RULES)
    assert source.identities is not None
    available = len(np.unique(source.identities[:, 0]))
    for identities in (count for count in wanted if count <= available):
        found, pairs = accuracies(test, source, identities, _DRAWS.value, _SEED.value)
        if pairs:
            table.add_row(str(identities), f"{pairs:.0f}", *(_summary(found[name]) for name in RULES))
    return table


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("identities", "pairs", *columns):
        table.add_column(name, justify="right")
    return table


def _summary(values: np.ndarray) -> str:
    return f"{100 * values.mean():.2f} ± {100 * values.std():.2f}"


def _best(test: ScoredPairs) -> float:
    return 100 * float(np.mean((test.distances < best_accuracy(test.distances, test.same)) == test.same))


if __name__ == "__main__":
    app.run(main)
