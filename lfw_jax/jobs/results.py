"""What a run leaves: metrics.json, a table on the terminal, TensorBoard figures, report.html."""

import dataclasses
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import jax
import numpy as np

from lfw_jax.data.protocols.splits import Split
from lfw_jax.evaluation.verification import VerificationResult
from lfw_jax.jobs.experiment import Experiment, image_names
from lfw_jax.jobs.workdir import Workdir
from lfw_jax.report.evaluation_sets import rates_section, sets_section, sets_table
from lfw_jax.report.figures import distance_histograms, pair_gallery, roc_curve
from lfw_jax.report.formatting import number, percent, threshold_lines
from lfw_jax.report.page import Section, write_page
from lfw_jax.report.sections import training_section, verification_headline, verification_section
from lfw_jax.report.tables import print_table, verification_table
from lfw_jax.report.tensorboard import TensorBoard

_SHOWN = 6
_PACKAGES = ("jax", "flax", "optax", "numpy")


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """What the report says of a run besides its result.

    Attributes:
      name: of the configuration.
      command: the command line that makes it again.
      workdir: where it was.
      experiment: its parts.
      checkpoint: "best" or "last".
      step: the step of that checkpoint.
    """

    name: str
    command: str
    workdir: Workdir
    experiment: Experiment
    checkpoint: str
    step: int


def write_results(
    run: Run, result: VerificationResult, raw_pixels: VerificationResult, sets: Sequence[VerificationResult] = ()
) -> None:
    """Write metrics.json and report.html, log the figures to TensorBoard, print the table.

    Args:
      run: what was run.
      result: of the embeddings.
      raw_pixels: of the pixels themselves on the same pairs, for comparison.
      sets: of the embeddings on the evaluation sets.
    """
    summary, baseline = result.summary(), raw_pixels.summary()
    set_summaries, leaking = [item.summary() for item in sets], dict(run.experiment.evaluation_plan.leaking)
    history = run.workdir.history(run.step)
    environment = _environment(run.experiment)
    rates = [row["images_per_second"] for row in history if "images_per_second" in row]
    metrics: dict[str, Any] = {
        "config": run.name,
        "command": run.command,
        "seed": run.experiment.config.seed,
        "checkpoint": run.checkpoint,
        "step": run.step,
        "images_per_second": float(np.median(rates)) if rates else None,
        "training_seconds": round(history[-1].get("seconds", 0.0), 1) if history else 0.0,
        "protocol": _protocol(run.experiment),
        "views": {name: run.experiment.config.evaluation[name] for name in ("flip", "shift")},
        "evaluation": {result.name: summary},
        "raw_pixels": {result.name: baseline},
        "sets": {entry["list"]: entry for entry in set_summaries},
        "leaking": leaking,
        "notes": list(run.experiment.split.notes),
        "environment": environment,
    }
    run.workdir.write_json("metrics.json", metrics)
    lines = threshold_lines(summary)
    with TensorBoard(run.workdir.events) as board:
        for threshold in result.thresholds:
            board.scalars(run.step, {f"test/accuracy_by_{threshold.rule}": threshold.scores.accuracy})
        if result.held_out:
            board.scalars(run.step, {"test/accuracy_by_held_out_people": result.held_out.scores.accuracy})
        board.scalars(run.step, {"test/auc": result.auc})
        for item in sets:
            board.scalars(run.step, {f"sets/{item.name}/accuracy": _accuracy(item), f"sets/{item.name}/auc": item.auc})
        board.figure(run.step, "test/distances", distance_histograms(result.distances, result.same, lines))
        board.figure(run.step, "test/roc", roc_curve(result.distances, result.same))
        board.text("config", f"```\n{run.experiment.config}\n```")
    print_table(verification_table(summary))
    print(f"raw pixels, judged the same way: {percent(_accuracy(raw_pixels))}, AUC {raw_pixels.auc:.4f}")
    sections = [
        verification_section(summary, result.distances, result.same),
        rates_section(summary),
        _against_pixels(result, raw_pixels),
        _errors(run, result),
    ]
    if set_summaries:
        print_table(sets_table(set_summaries))
        sections.insert(1, sets_section(set_summaries, leaking))
    if any("loss" in row for row in history):
        sections.append(training_section(history))
    sections.append(_data_section(run.experiment))
    path = write_page(
        run.workdir.path / "report.html",
        title=f"Face verification: {run.name}",
        subtitle=f"{run.experiment.objective.describe}; {run.checkpoint} checkpoint, step {run.step:,}",
        command=run.command,
        headline=verification_headline(summary),
        sections=sections,
        config=str(run.experiment.config),
        environment=environment,
        notice="; ".join(
            f"{people} people of {name} trained, so its figures flatter the model" for name, people in leaking.items()
        ),
    )
    print(f"report: {path}\nTensorBoard: tensorboard --logdir {run.workdir.events}")


def _protocol(experiment: Experiment) -> dict[str, Any]:
    """What was judged, so that the folds of View 2 can be put together."""
    name, fold = experiment.config.data.protocol, experiment.config.data.fold
    if name != "view2":
        return {"name": name}
    assert experiment.split.development.folds is not None
    others = len(np.unique(experiment.split.development.folds))
    return {"name": name, "fold": fold, "folds": others + (fold > 0)}


def _environment(experiment: Experiment) -> dict[str, str]:
    device = experiment.devices[0]
    versions = {name: metadata.version(name) for name in _PACKAGES}
    return {
        "devices": f"{len(experiment.devices)} × {device.device_kind} ({device.platform})",
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        **versions,
        "backend": jax.default_backend(),
    }


def _accuracy(result: VerificationResult) -> float:
    return next(t.scores.accuracy for t in result.thresholds if t.rule == "accuracy")


def _against_pixels(result: VerificationResult, raw_pixels: VerificationResult) -> Section:
    """What was learned, beside what needs no learning."""
    text = (
        "The same pairs, judged by the distance of the pixels themselves (each image brought to mean 0 and length 1), with "
        "a threshold chosen in the same way. What the embedding does better than that, it has learned."
    )
    rows = [["", "Accuracy", "AUC"]]
    for name, judged in (("Embeddings", result), ("Raw pixels", raw_pixels)):
        rows.append([name, percent(_accuracy(judged)), number(judged.auc)])
    return Section("Against raw pixels", text, rows)


def _errors(run: Run, result: VerificationResult) -> Section:
    """The pairs that the threshold gets wrong by most."""
    threshold = next(t.threshold for t in result.thresholds if t.rule == "accuracy")
    pairs = run.experiment.split.test
    pixels = run.experiment.pixels(pairs)
    first, second = pairs.indices()
    figures = []
    for same, title, what in ((False, "False accepts", "nearest"), (True, "False rejects", "farthest")):
        wrong = np.flatnonzero((result.same == same) & ((result.distances < threshold) != same))
        order = wrong[np.argsort(result.distances[wrong] * (1 if not same else -1), kind="stable")][:_SHOWN]
        if len(order):
            captions = [f"{result.distances[i]:.2f}" for i in order]
            caption = f"{title}: {len(wrong)} pairs of {int((result.same == same).sum())}, the {what} shown with their distance."
            figures.append((caption, pair_gallery(pixels[first[order]], pixels[second[order]], captions, title)))
    text = (
        f"At the threshold {threshold:.3f} these pairs are judged wrongly, the most confident errors first. Look for what "
        "they share: pose, light, age, a second face in the frame, a wrong name in the data."
    )
    return Section("The worst errors", text if figures else "No pair is judged wrongly.", None, figures)


def _data_section(experiment: Experiment) -> Section:
    split = experiment.split
    rows = [
        ["Part", "Content"],
        ["Training", image_names(split.training)],
        ["Validation", f"{len(split.validation):,} pairs of people held out of training ({split.validation.name})"],
        ["Development", _development(split)],
        ["Test", f"{len(split.test):,} pairs ({split.test.name})"],
        *([item.name, f"{len(item.pairs):,} pairs"] for item in experiment.evaluation_plan.sets),
    ]
    notes = [*split.notes, experiment.sampler.describe() + "."]
    if skipped := split.source.skipped:
        named = "; ".join(f"{item.path}: {item.reason}" for item in skipped[:5])
        notes.append(f"{len(skipped)} files were skipped: {named}{' and more' if len(skipped) > 5 else ''}.")
    return Section("Data", "\n\n".join(note[:1].upper() + note[1:] for note in notes), rows, [])


def _development(split: Split) -> str:
    if split.by_folds:
        return f"the other folds of {split.test.name}, for each fold"
    pairs = f"{len(split.development):,} pairs, on which thresholds are chosen ({split.development.name})"
    people = split.development.identities()
    trained = len(people & set(split.training.names)) if split.development not in split.brought else 0
    return f"{pairs}; {trained:,} of their {len(people):,} people train" if trained else pairs
