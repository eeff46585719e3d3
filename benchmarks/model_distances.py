"""Distances of a model directory beside those of its evaluation, and the time that photos take.

    python -m benchmarks.model_distances --workdir=runs/mine --photos=LFW --crops=ALIGNED

ALIGNED is the folder of aligned faces that the run names at its beginning.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from lfw_jax import FaceVerifier
from lfw_jax.evaluation.scores import ScoredPairs, read_scores


def files_of(pairs: ScoredPairs, folder: Path) -> list[list[Path]]:
    """Return the files of the first and of the second image of each pair: `<Name>/<Name>_NNNN.jpg`."""
    assert pairs.identities is not None
    assert pairs.images is not None
    return [
        [
            folder / name / f"{name}_{number:04}.jpg"
            for name, number in zip(pairs.identities[:, side], pairs.images[:, side], strict=True)
        ]
        for side in (0, 1)
    ]


def main() -> None:
    """Print the share of distances that are equal in float32, the largest difference and the seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", type=Path, required=True, help="work directory of an evaluated run")
    parser.add_argument("--photos", type=Path, required=True, help="folder of the photos of its test pairs")
    parser.add_argument("--crops", type=Path, required=True, help="folder of the same photos, aligned")
    flags = parser.parse_args()
    pairs = read_scores(flags.workdir / "scores.npz")["test"]
    verifier = FaceVerifier.load(flags.workdir / "model", fallback=True)
    for name, folder, aligned in (("crops", flags.crops, True), ("photos", flags.photos, False)):
        first, second = files_of(pairs, folder)
        began = time.perf_counter()
        compared = verifier.compare(first, second, aligned=aligned)
        seconds = time.perf_counter() - began
        assert isinstance(compared, list)
        found = np.array([one.distance for one in compared])
        equal = int((found.astype(np.float32) == pairs.distances.astype(np.float32)).sum())
        largest = np.abs(found - pairs.distances).max()
        print(
            f"{name}: {equal} of {len(found)} equal, largest difference {largest:.2g}; {2 * len(found)} in {seconds:.0f} s"
        )
    one, other = (side[0] for side in files_of(pairs, flags.photos))
    verifier.compare(one, other)
    began = time.perf_counter()
    verifier.compare(one, other)
    print(f"a pair of photos: {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    main()
