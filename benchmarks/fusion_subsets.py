"""AUC of the fusion of every subset of some members, on the pairs of held-out identities.

    python -m benchmarks.fusion_subsets --members=docs/results/best_lfw --names=descriptors,fisher,network,wide

Each subset gets the weights that a run would fit on these pairs, so that the figures compare subsets and do not estimate the AUC
on other pairs. The correlations of the members' scores follow.
"""

import argparse
import itertools
from pathlib import Path

import numpy as np

from lfw_jax.evaluation.fusion.gaussian import correlations
from lfw_jax.evaluation.roc import roc_auc
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.jobs.fusion_file import fuse


def main() -> None:
    """Print a table of the subsets, and two of correlations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=Path, required=True, help="folder of the members' folders")
    parser.add_argument("--names", required=True, help="names of members, separated by commas")
    given = parser.parse_args()
    names = given.names.split(",")
    pairs = {name: read_scores(given.members / name / "scores.npz")["held_out"] for name in names}
    same = pairs[names[0]].same
    print(f"{len(same)} pairs of held-out identities\n| Members | AUC |\n|---|---|")
    for size in range(1, len(names) + 1):
        for subset in itertools.combinations(names, size):
            weights = fuse("logistic", {name: pairs[name] for name in subset}).weights
            similarity = sum(weights[name] * (1 - pairs[name].distances ** 2 / 2) for name in subset)
            print(f"| {', '.join(subset)} | {roc_auc(-np.asarray(similarity), same):.4f} |")
    distances = np.stack([pairs[name].distances for name in names])
    for kind, rows in (("same", same), ("different", ~same)):
        print(f"\ncorrelations within {kind} pairs: {', '.join(names)}")
        print("\n".join(" ".join(f"{value:5.2f}" for value in row) for row in correlations(distances[:, rows])))


if __name__ == "__main__":
    main()
