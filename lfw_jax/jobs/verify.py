"""`--mode=verify`: decide for pairs of images whether they show one identity, with a trained system."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.protocols.unlabelled_pairs import read_unlabelled_pairs
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.decision import Decision, VerificationRule
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.inference.model.directory import CARD
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.model_of_request import load_verifier
from lfw_jax.report.decision_text import decision_lines, threshold_lines
from lfw_jax.report.terminal_text import print_lines, printable
from lfw_jax.typed_json import to_json

_COLUMNS = ("path1", "path2", "same", "distance", "log_likelihood_ratio", "probability")


def verify(request: Request) -> None:
    """Print the decision for each pair of `--input`, and write all to `--output` if it is given.

    Everything is that of the model directory: the alignment, the crop, the test-time augmentation, the calibration and the
    threshold for the false match rate that the evaluation was asked for.

    Args:
      request: The flags. A configuration, if given, must be that of the work directory.

    Raises:
      UserError: If there is no input, no model directory, no threshold for that rate, or an image cannot be read.
    """
    if not request.input:
        raise UserError("--mode=verify needs --input: two images, as a.jpg,b.jpg, or a .csv file of path1,path2.")
    if request.output and not request.output.lower().endswith(".csv"):
        raise UserError(f"--output is {request.output}; expected a .csv file.")
    verifier = load_verifier(request, fallback=True)
    rule = VerificationRule.of(verifier.card.calibration, f"{request.model or request.workdir}: {CARD}")
    pairs = read_unlabelled_pairs(request.input, "--input")
    files = list(dict.fromkeys(path for pair in pairs for path in pair))
    row_of = {path: row for row, path in enumerate(files)}
    first, second = (np.array([row_of[pair[side]] for pair in pairs]) for side in (0, 1))
    decisions = rule.decide(pair_distances(verifier.embed(files), first, second))
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


def _write(path: Path, pairs: Sequence[tuple[Path, Path]], decisions: Sequence[Decision]) -> None:
    with written_atomically(path) as (unfinished,), open(unfinished, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for (one, other), decision in zip(pairs, decisions, strict=True):
            values = [decision.distance, decision.log_likelihood_ratio, decision.probability]
            writer.writerow([one, other, int(decision.same), *(f"{value:.6g}" for value in values)])
    print_lines(f"{path}: {len(pairs):,} decisions")
