"""`--mode=combine`: the folds of View 2, each judged with a model of its own, put together."""

import glob
import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console

from lfw_jax.atomic_files import written_atomically
from lfw_jax.errors import UserError
from lfw_jax.evaluation.fold_figures import FoldsResult, fold_figures
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.workdir import differing_keys
from lfw_jax.report.formatting import mean_and_error, number, percent
from lfw_jax.report.page import Section, write_page


def combine(request: Request) -> None:
    """Put the work directories of `--input` together: mean ± standard error over the folds, into view2.json and view2.html.

    `--input` is a pattern such as `runs/fold*`, or folders with commas between; `--output` is the folder that is written to.

    Raises:
      UserError: a folder without results, folds that are missing or there twice, runs of different configurations.
    """
    if not request.input or not request.output:
        raise UserError(
            "--mode=combine needs --input, a pattern of work directories such as 'runs/fold*', and --output, a folder."
        )
    runs = _in_order([_Run(folder) for folder in _folders(request.input)])
    figures = {
        rule: fold_figures(rule, *zip(*(run.figures(rule) for run in runs), strict=True)) for rule in ("accuracy", "f1")
    }
    if all("held out" in run.thresholds for run in runs):
        figures["held out"] = fold_figures("accuracy", *zip(*(run.figures("held out") for run in runs), strict=True))
    aucs = [run.scores["auc"] for run in runs]
    summary: dict[str, Any] = {
        "protocol": "view2",
        "command": request.command,
        "folders": [str(run.folder) for run in runs],
        "accuracy": figures["accuracy"].summary(),
        "accuracy_at_best_f1": figures["f1"].summary(),
        "accuracy_at_held_out_threshold": figures["held out"].summary() if "held out" in figures else None,
        "auc_mean": sum(aucs) / len(aucs),
        "auc": aucs,
    }
    output = Path(request.output)
    with written_atomically(output / "view2.json", output / "view2.html", replace=True) as (figures_file, page):
        figures_file.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        _write_page(page, request, runs, figures, summary)
    console = Console()
    console.print(
        f"View 2, {len(runs)} folds, a model each: [bold]{mean_and_error(summary['accuracy'])}[/bold] (standard error)"
    )
    console.print(
        f"population standard deviation: {percent(figures['accuracy'].population_std, 2)}; mean AUC {summary['auc_mean']:.4f}"
    )
    if "held out" in figures:
        console.print(
            "by the thresholds of the people held out of each training: "
            f"{mean_and_error(summary['accuracy_at_held_out_threshold'])}"
        )
    console.print(f"report: {output / 'view2.html'}", soft_wrap=True)


class _Run:
    """One fold's work directory."""

    def __init__(self, folder: Path):
        self.folder = folder
        metrics = _read(folder / "metrics.json")
        self.config = _read(folder / "config.json")
        try:
            self.name, self.protocol = metrics["config"], metrics["protocol"]["name"]
            self.fold, self.folds = metrics["protocol"].get("fold", 0), metrics["protocol"].get("folds", 0)
            (self.scores,) = metrics["evaluation"].values()
            self.thresholds = {threshold["rule"]: threshold for threshold in self.scores["thresholds"]}
            if held_out := self.scores["held_out_threshold"]:
                self.thresholds["held out"] = held_out
            self.step, self.checkpoint = metrics["step"], metrics["checkpoint"]
            self.judged_with = {"checkpoint": self.checkpoint, **metrics["views"]}
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{folder}/metrics.json: has no {error}; evaluate that run again with --mode=evaluate."
            ) from error
        if self.protocol != "view2" or not self.fold:
            raise UserError(
                f"{folder}: a run of protocol {self.protocol}, fold {self.fold}; expected one fold of view2, trained with "
                "--config.data.protocol=view2 --config.data.fold=1 and so on."
            )

    def figures(self, rule: str) -> tuple[float, float]:
        """The accuracy on the fold and the threshold it was judged by; the rule "held out" is that of held-out people."""
        return self.thresholds[rule]["accuracy"], self.thresholds[rule]["threshold"]


def _folders(pattern: str) -> list[Path]:
    found = [Path(name) for part in pattern.split(",") for name in sorted(glob.glob(os.path.expanduser(part.strip())))]
    folders = [folder for folder in dict.fromkeys(found) if folder.is_dir()]
    if not folders:
        raise UserError(
            f"--input: found no folder that is called {pattern}; expected the work directories of ten folds."
        )
    return folders


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"{path.parent}: found no {path.name}; expected a finished run. Train it to its end first."
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}). Evaluate that run again with --mode=evaluate.") from error


def _in_order(runs: list[_Run]) -> list[_Run]:
    """The runs by fold, all of one configuration, none missing and none twice."""
    of_fold: dict[int, _Run] = {}
    for run in runs:
        if run.fold in of_fold:
            raise UserError(
                f"--input: {of_fold[run.fold].folder} and {run.folder} are both fold {run.fold}; leave one out."
            )
        of_fold[run.fold] = run
    folds = max(run.folds for run in runs)
    if missing := [str(fold) for fold in range(1, folds + 1) if fold not in of_fold]:
        raise UserError(
            f"--input: no run of fold {', '.join(missing)}; a figure for View 2 needs all {folds}. Train and evaluate what is "
            "missing."
        )
    ordered = [of_fold[fold] for fold in sorted(of_fold)]
    for run in ordered[1:]:
        if differing := [key for key in differing_keys(ordered[0].config, run.config) if key != "config.data.fold"]:
            raise UserError(
                f"--input: {ordered[0].folder} and {run.folder} differ in {', '.join(differing[:5])}; expected folds of one "
                "configuration."
            )
        if run.judged_with != ordered[0].judged_with:
            raise UserError(
                f"--input: {ordered[0].folder} was judged with {ordered[0].judged_with}, {run.folder} with {run.judged_with}; "
                "evaluate them alike with --mode=evaluate."
            )
    return ordered


def _write_page(
    path: Path, request: Request, runs: list[_Run], figures: dict[str, FoldsResult], summary: dict[str, Any]
) -> None:
    accuracy = figures["accuracy"]
    rows = [["Fold", "Accuracy", "Threshold", "AUC", "Checkpoint", "Folder"]]
    for run in runs:
        right, threshold = run.figures("accuracy")
        checkpoint = f"{run.checkpoint}, step {run.step:,}"
        rows.append(
            [
                str(run.fold),
                percent(right, 2),
                number(threshold),
                number(run.scores["auc"], 4),
                checkpoint,
                str(run.folder),
            ]
        )
    text = (
        f"LFW's View 2: {len(runs)} folds, for each a model that was trained on people of the others, and the threshold "
        f"chosen on their pairs. Mean accuracy {mean_and_error(summary['accuracy'])}; the figure behind ± is the standard "
        f"error of the mean, std(ddof=1)/√{len(runs)}, as LFW's results page prints it. The population standard deviation, "
        f"which other projects print in its place, is {percent(accuracy.population_std, 2)}. With the thresholds of the best "
        f"F1 it is {mean_and_error(summary['accuracy_at_best_f1'])}."
    )
    if by_held_out := summary["accuracy_at_held_out_threshold"]:
        text += (
            f" The people of the other folds train, so that their distances say little of strangers'; with the thresholds of "
            f"those people of theirs who were held out of training it is {mean_and_error(by_held_out)}."
        )
    write_page(
        path,
        title=f"Face verification, View 2: {runs[0].name}",
        subtitle=f"{len(runs)} folds, a model each",
        command=request.command,
        headline=[
            (
                "Accuracy",
                percent(accuracy.mean, 2),
                f"± {percent(accuracy.standard_error, 2)}, standard error of {len(runs)} folds",
            ),
            ("Population std", percent(accuracy.population_std, 2), "what other projects print after ±"),
            ("AUC", number(summary["auc_mean"], 4), "mean of the folds"),
        ],
        sections=[Section("Folds", text, rows)],
        config=json.dumps(runs[0].config, indent=2),
        environment={},
    )
