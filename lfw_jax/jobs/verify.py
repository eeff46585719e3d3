"""`--mode=verify`: decide for pairs of images whether they show one identity, with a trained network."""

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.experiment_data import crop_geometry_of
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.unlabelled_pairs import read_unlabelled_pairs
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.decision import CALIBRATION, Decision, SavedCalibration, VerificationRule
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.faces.align_set import aligned_images
from lfw_jax.inference.embedder import Embedder, in_inference_mode
from lfw_jax.jobs.alignment import engine_of_run
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.run_config import check_no_other, config_of_run
from lfw_jax.models import build, variable_shapes
from lfw_jax.report.decision_text import decision_lines, threshold_lines
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_lines, printable
from lfw_jax.training.checkpoints import Checkpoints
from lfw_jax.typed_json import to_json

_COLUMNS = ("path1", "path2", "same", "distance", "log_likelihood_ratio", "probability")


def verify(request: Request) -> None:
    """Print the decision for each pair of `--input`, and write all to `--output` if it is given.

    The network, its crop geometry and its alignment are those of the work directory; the threshold, the calibration and the
    test-time augmentation are those of its `calibration.json`.

    Args:
      request: The flags. The configuration is that of the work directory.

    Raises:
      UserError: If there is no input, no calibration or no checkpoint that belongs to it, or an image cannot be read.
    """
    if not request.input:
        raise UserError("--mode=verify needs --input: two images, as a.jpg,b.jpg, or a .csv file of path1,path2.")
    if request.output and not request.output.lower().endswith(".csv"):
        raise UserError(f"--output is {request.output}; expected a .csv file.")
    folder = request.folder
    config = config_of_run(folder)
    check_no_other(request.config, config, "--mode=verify")
    if not (folder / CALIBRATION).is_file():
        raise UserError(
            f"--workdir: {folder} has no {CALIBRATION}, which holds the threshold. Make it with --mode=evaluate "
            f"--workdir={folder} and the --config of the training."
        )
    rule = VerificationRule.read(folder / CALIBRATION)
    pairs = read_unlabelled_pairs(request.input, "--input")
    images, geometry = _images([path for pair in pairs for path in pair], config, folder)
    embeddings = _embedder(folder, config, rule.saved, geometry).embed_images(images)
    row_of = {path: row for row, path in enumerate(dict.fromkeys(path for pair in pairs for path in pair))}
    first, second = (np.array([row_of[pair[side]] for pair in pairs]) for side in (0, 1))
    decisions = rule.decide(pair_distances(embeddings, first, second))
    for pair, decision in zip(pairs, decisions, strict=True):
        print_lines(*decision_lines(pair, decision))
    print_lines(*threshold_lines(rule.threshold))
    if request.output:
        _write(Path(request.output), pairs, decisions)
    answers = [
        {"path1": str(one), "path2": str(other), **to_json(decision)}
        for (one, other), decision in zip(pairs, decisions, strict=True)
    ]
    request.deliver(printable({"threshold": to_json(rule.threshold), "decisions": answers}))


def _images(paths: Sequence[Path], config: ConfigDict, folder: Path) -> tuple[ImageSet, CropGeometry]:
    """Return the distinct images, aligned as those of the run, and their crop geometry."""
    files, geometry = list(dict.fromkeys(paths)), crop_geometry_of(config.data)
    names = tuple(f"image {number}" for number in range(1, len(files) + 1))
    images = ImageSet(names, np.arange(len(files), dtype=np.int32), np.ones(len(files), np.int32), files, "files")
    if config.data.align:
        images, crop, note = aligned_images(images, config, stage=stage, engine=engine_of_run(config, folder))
        print_lines(note)
        if images.skipped:
            raise UserError(f"--input: {images.skipped[0].path} cannot be read: {images.skipped[0].reason}")
        geometry = dataclasses.replace(geometry, crop=crop)
    return images, geometry


def _embedder(folder: Path, config: ConfigDict, saved: SavedCalibration, geometry: CropGeometry) -> Embedder:
    """Return the embedder of the calibrated checkpoint, with the test-time augmentation of the calibration."""
    network = build(config.model)
    with Checkpoints(folder / "checkpoints") as checkpoints:
        variables, kind, _ = checkpoints.restore_evaluated(saved.checkpoint, variable_shapes(network, config.data.side))
        step = checkpoints.step(kind)
    if (kind, step) != (saved.checkpoint, saved.step):
        raise UserError(
            f"--workdir: {CALIBRATION} belongs to the '{saved.checkpoint}' checkpoint of step {saved.step}, found '{kind}' "
            f"of step {step}. Evaluate again with --mode=evaluate."
        )
    views = saved.views
    return Embedder(
        in_inference_mode(network), variables, geometry,
        flip=views.flip, shift=views.shift, batch_size=config.evaluation.batch_size, loader=config.data.loader,
    )  # fmt: skip


def _write(path: Path, pairs: Sequence[tuple[Path, Path]], decisions: Sequence[Decision]) -> None:
    with written_atomically(path) as (unfinished,), open(unfinished, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for (one, other), decision in zip(pairs, decisions, strict=True):
            values = [decision.distance, decision.log_likelihood_ratio, decision.probability]
            writer.writerow([one, other, int(decision.same), *(f"{value:.6g}" for value in values)])
    print_lines(f"{path}: {len(pairs):,} decisions")
