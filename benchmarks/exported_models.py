"""Accuracy, size and latency of an exported network in float32 and int8 beside JAX.

    python -m benchmarks.exported_models --workdir=runs/mine --crops=ALIGNED --models=model.onnx,model_int8.onnx

ALIGNED is the folder of aligned faces that the run names at its beginning. The ONNX files are those of --mode=export-model. The
accuracy is that of the run's test pairs at the thresholds that the run chose on other pairs, with the distances of JAX.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime

from benchmarks.model_distances import files_of
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.inference.export.call_times import seconds_of
from lfw_jax.inference.export.exportable import Exportable, exportable_of
from lfw_jax.inference.export.manifest import INPUT, OUTPUT
from lfw_jax.inference.export.onnx_model import onnx_session
from lfw_jax.inference.model.directory import read_model
from lfw_jax.inference.model.photos import Photo
from lfw_jax.inference.model.systems import PreparedFace

BATCH = 32

Embed = Callable[[np.ndarray], np.ndarray]


def squares_of(exported: Exportable, files: list[Path]) -> np.ndarray:
    """Return the stored squares of aligned crops."""
    prepared = [exported.system.prepare_aligned(Photo(str(path), path.read_bytes())) for path in files]
    return np.stack([face.square for face in prepared if isinstance(face, PreparedFace)])


def in_onnx(session: onnxruntime.InferenceSession, squares: np.ndarray) -> np.ndarray:
    return np.asarray(session.run([OUTPUT], {INPUT: squares})[0])


def accuracy(workdir: Path, crops: Path, exported: Exportable, candidates: dict[str, Embed]) -> None:
    """Print the accuracy of each candidate on the test pairs, and the change of distances and decisions."""
    pairs = read_scores(workdir / "scores.npz")["test"]
    first, second = files_of(pairs, crops)
    files = sorted({*first, *second})
    row_of = {path: row for row, path in enumerate(files)}
    rows = [np.array([row_of[path] for path in side]) for side in (first, second)]
    squares = squares_of(exported, files)
    evaluated = json.loads((workdir / "metrics.json").read_text(encoding="utf-8"))["evaluation"][pairs.name]
    rules = [evaluated.get("held_out_threshold"), *evaluated["thresholds"]]
    thresholds = {rule["threshold"]: rule["chosen_on"] for rule in rules if rule}
    for name, embed in candidates.items():
        parts = [embed(squares[start : start + BATCH]) for start in range(0, len(squares), BATCH)]
        distances = pair_distances(np.concatenate(parts), *rows)
        change = np.abs(distances - pairs.distances)
        found = []
        for threshold, chosen_on in thresholds.items():
            accepted = distances < threshold
            changed = int((accepted != (pairs.distances < threshold)).sum())
            right = 100 * (accepted == pairs.same).mean()
            found.append(f"{right:.1f} % at the threshold of {chosen_on} ({changed} decisions changed)")
        print(
            f"{name}: {'; '.join(found)}; distances change by {change.mean():.2g} on average, {change.max():.2g} at most"
        )


def latency(candidates: dict[str, Embed], squares: np.ndarray, rounds: int) -> None:
    """Print the median, least and largest milliseconds of each candidate, which alternate."""
    seconds = seconds_of([partial(embed, squares) for embed in candidates.values()], rounds)
    for name, values in zip(candidates, seconds, strict=True):
        median, least, largest = (1000 * one for one in (statistics.median(values), min(values), max(values)))
        print(f"{name}, batch of {len(squares)}: {median:.1f} ms ({least:.1f}–{largest:.1f}, {rounds} rounds)")


def main() -> None:
    """Print accuracy, size and latency."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", type=Path, required=True, help="work directory of an evaluated run")
    parser.add_argument("--crops", type=Path, required=True, help="folder of its aligned faces")
    parser.add_argument("--models", required=True, help="ONNX files with commas between them")
    parser.add_argument("--rounds", type=int, default=21, help="calls of each candidate in a batch of one face")
    flags = parser.parse_args()
    exported = exportable_of(read_model(flags.workdir / "model"), str(flags.workdir))
    candidates: dict[str, Embed] = {"JAX": exported.embed}
    for name in flags.models.split(","):
        print(f"{name}: {Path(name).stat().st_size / 1e6:.1f} MB")
        candidates[Path(name).name] = partial(in_onnx, onnx_session(Path(name)))
    accuracy(flags.workdir, flags.crops, exported, candidates)
    side = exported.embedder.geometry.stored_side
    squares = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
    latency(candidates, squares[:1], flags.rounds)
    latency(candidates, squares, max(flags.rounds // 2, 3))


if __name__ == "__main__":
    main()
