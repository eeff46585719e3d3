"""Coverage of intervals by simulation, and their speed: tables for `docs/evaluation/intervals.md`.

python -m benchmarks.interval_coverage            # the tables of coverage
python -m benchmarks.interval_coverage --speed    # all intervals of 6,000 pairs in ten folds
"""

import argparse
import dataclasses
import os
import platform
import time

import numpy as np

from benchmarks.interval_metrics import metric_coverage
from benchmarks.interval_simulation import METHODS, coverage, settings
from lfw_jax.evaluation.intervals.bootstrap import RESAMPLES
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify, verify_folds
from lfw_jax.evaluation.with_intervals import with_intervals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=5000, help="samples per setting for Wilson's intervals")
    parser.add_argument(
        "--bootstrap_repetitions", type=int, default=1000, help="samples per setting for the bootstraps"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of all samples")
    parser.add_argument("--speed", action="store_true", help="measure the time of all intervals of 6,000 pairs instead")
    options = parser.parse_args()
    if options.speed:
        print_speed()
        return
    began, used = time.perf_counter(), time.process_time()
    print_rates(options.repetitions, options.bootstrap_repetitions, options.seed)
    print()
    print_metrics(max(options.bootstrap_repetitions // 3, 1), options.seed)
    print(
        f"\nSeed {options.seed}; Wilson: {options.repetitions:,} samples per row, bootstraps: "
        f"{options.bootstrap_repetitions:,}; {time.perf_counter() - began:.0f} s, {time.process_time() - used:.0f} s of "
        f"processor time. {_machine()}."
    )


def print_rates(repetitions: int, bootstrap_repetitions: int, seed: int) -> None:
    """Print the coverage of the rates of all settings, and the mean width of the adjusted interval."""
    print(f"| Pairs | List | Rate | {' | '.join(METHODS)} | Width |")
    print("|---|---|---|" + "---|" * (len(METHODS) + 1))
    for setting in settings():
        rates = coverage(setting, repetitions=repetitions, seed=seed, bootstraps=False)
        resampled = coverage(setting, repetitions=bootstrap_repetitions, seed=seed)
        cells = [f"{100 * {**resampled, **rates}[name][0]:.1f}" for name in METHODS]
        width = f"{100 * rates['naive Wilson'][1]:.2f} → {100 * rates['adjusted Wilson'][1]:.2f}"
        row = [setting.pairs_are, setting.name, f"{100 * setting.rate:g} %", *cells, width]
        print(f"| {' | '.join(row)} |", flush=True)


def print_metrics(repetitions: int, seed: int) -> None:
    """Print the coverage of the intervals of the AUC and of the best threshold."""
    heads = (f"{metric}: {method}" for metric in ("AUC", "Threshold") for method in ("over pairs", "corrected vertex"))
    print(f"| Pairs | Identities | {' | '.join(heads)} |")
    print("|---|---|---|---|---|---|")
    for pairs, identities in ((1000, 1700), (1000, 100), (1000, 40)):
        by_pairs, by_identities = (
            metric_coverage(pairs, identities, repetitions=repetitions, resamples=300, by_pairs=naive, seed=seed)
            for naive in (True, False)
        )
        cells = (by_pairs[0], by_identities[0], by_pairs[1], by_identities[1])
        row = [f"{pairs:,}", f"{identities:,}", *(f"{100 * cell:.1f}" for cell in cells)]
        print(f"| {' | '.join(row)} |", flush=True)
    print(f"\n{repetitions:,} samples per row, 300 resamples each.")


def print_speed() -> None:
    """Print the time of all intervals of 6,000 pairs, over ten folds and with development pairs."""
    generator = np.random.default_rng(0)
    identities = generator.integers(0, 4000, (6000, 2))
    same = np.arange(6000) % 2 == 0
    identities[same, 1] = identities[same, 0]
    distances = np.where(same, 0.9, 1.3) + 0.2 * generator.standard_normal(6000)
    test = ScoredPairs("test", distances, same, identities, folds=np.arange(6000) // 600)
    development = dataclasses.replace(test, name="development", distances=distances + 0.01, folds=None)
    print(f"| 6,000 pairs, {RESAMPLES:,} resamples | Seconds | Processor seconds |\n|---|---|---|")
    for name, result, source in (
        ("all intervals over ten folds", verify_folds(test), None),
        ("all intervals with development pairs", verify(test, development), development),
    ):
        rounds = []
        for _ in range(3):
            began, used = time.perf_counter(), time.process_time()
            with_intervals(result, development=source)
            rounds.append((time.perf_counter() - began, time.process_time() - used))
        seconds, processor = min(rounds)
        print(f"| {name} | {seconds:.2f} | {processor:.2f} |")
    print(f"\nThe fastest of three rounds. {_machine()}.")


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, NumPy {np.__version__}"


if __name__ == "__main__":
    main()
