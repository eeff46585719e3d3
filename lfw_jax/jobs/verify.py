"""`--mode=verify`: decide for pairs of images whether they show one identity, with a trained system."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.protocols.unlabelled_pairs import read_unlabelled_pairs
from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.decision import Decision, VerificationRule
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.inference.model.bulk import embed_in_bulk
from lfw_jax.inference.model.directory import CARD
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.photos import photos_of
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.model_of_request import load_verifier
from lfw_jax.report.decision_text import decision_lines, threshold_lines
from lfw_jax.report.formatting import counted
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_lines, printable
from lfw_jax.typed_json import to_json

_COLUMNS = ("path1", "path2", "same", "distance", "log_likelihood_ratio", "probability", "fault")

Pair = tuple[Path, Path]


def verify(request: Request) -> None:
    """Print the decision for each pair of `--input`, and write all to `--output` if it is given.

    Everything is that of the model directory: the alignment, the crop, the test-time augmentation, the calibration and the
    threshold for the false match rate that the evaluation was asked for. A pair with a photo in which no face was found, or
    that is damaged, is not decided but named with the reason.

    Args:
      request: The flags. A configuration, if given, must be that of the work directory.

    Raises:
      UserError: If there is no input, no model directory, no threshold for that rate, a file is missing, or no pair can be
        decided.
    """
    if not request.input:
        raise UserError("--mode=verify needs --input: two images, as a.jpg,b.jpg, or a .csv file of path1,path2.")
    if request.output and not request.output.lower().endswith(".csv"):
        raise UserError(f"--output is {request.output}; expected a .csv file.")
    verifier = load_verifier(request)
    rule = VerificationRule.of(verifier.card.calibration, f"{request.model or request.workdir}: {CARD}")
    pairs = read_unlabelled_pairs(request.input, "--input")
    files = list(dict.fromkeys(path for pair in pairs for path in pair))
    embeddings, fault_of = _embed(verifier, files)
    reasons = [" ".join(fault_of[path] for path in dict.fromkeys(pair) if path in fault_of) for pair in pairs]
    decided = [pair for pair, reason in zip(pairs, reasons, strict=True) if not reason]
    if not decided:
        none = "" if len(pairs) == 1 else f"--input: none of {len(pairs):,} pairs can be decided. "
        raise UserError(none + reasons[0])
    row_of = {path: row for row, path in enumerate(files)}
    first, second = (np.array([row_of[pair[side]] for pair in decided]) for side in (0, 1))
    decisions = iter(rule.decide(pair_distances(embeddings, first, second)))
    answers = [None if reason else next(decisions) for reason in reasons]
    for pair, decision, reason in zip(pairs, answers, reasons, strict=True):
        print_lines(
            *decision_lines(pair, decision) if decision else [f"{pair[0]} and {pair[1]}: not decided", f"  {reason}"]
        )
    print_lines(*threshold_lines(rule.threshold))
    if request.output:
        _write(Path(request.output), pairs, answers, reasons)
    request.deliver(printable({"threshold": to_json(rule.threshold), **_document(pairs, answers, reasons)}))


def _embed(verifier: FaceVerifier, files: Sequence[Path]) -> tuple[Float[np.ndarray, "files dim"], Mapping[Path, str]]:
    """Return the embedding of each file, and the reasons for those that have none."""
    photos = photos_of(files)
    with stage("embedding", len(files)) as progress:
        found = embed_in_bulk(verifier, [lambda photo=photo: photo for photo in photos], aligned=False, report=progress)
    return found.embeddings, {path: fault for path, fault in zip(files, found.faults, strict=True) if fault}


def _document(pairs: Sequence[Pair], answers: Sequence[Decision | None], reasons: Sequence[str]) -> dict[str, object]:
    """Return the decisions, and the pairs without one, for `--json`."""
    named = [{"path1": str(one), "path2": str(other)} for one, other in pairs]
    return {
        "decisions": [pair | to_json(one) for pair, one in zip(named, answers, strict=True) if one],
        "undecided": [pair | {"fault": reason} for pair, reason in zip(named, reasons, strict=True) if reason],
    }


def _write(path: Path, pairs: Sequence[Pair], answers: Sequence[Decision | None], reasons: Sequence[str]) -> None:
    with written_atomically(path) as (unfinished,), open(unfinished, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for (one, other), decision, reason in zip(pairs, answers, reasons, strict=True):
            if decision is None:
                writer.writerow([one, other, "", "", "", "", reason])
                continue
            values = [decision.distance, decision.log_likelihood_ratio, decision.probability]
            writer.writerow([one, other, int(decision.same), *(f"{value:.6g}" for value in values), ""])
    print_lines(f"{path}: {counted(sum(one is not None for one in answers), 'decision')}")
