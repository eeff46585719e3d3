"""The tables of the GPU kit as Markdown, one function for each module of items. A row without figures says so."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.gpu.items import Item

Figures = Mapping[Item, dict[str, Any] | None]

MISSING = "not measured yet"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; short rows are filled up."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join([*row, *[""] * (len(header) - len(row))]) + " |" for row in lines)


def experiments(figures: Figures) -> str:
    """Return the table of full trainings on View 1."""
    header = (
        "Configuration", "Accuracy by the threshold of held-out identities (95 %)", "by `pairsDevTrain`", "F1", "AUC",
        "Raw pixels", "Training loss", "Epochs", "Minutes", "Images/s",
    )  # fmt: skip
    rows = [_training(item, found) if found else [f"`{item.name}`", MISSING] for item, found in figures.items()]
    text = (
        "Trained in full on View 1, aligned faces (JPEG quality 68), from data on the device; the report's five in bfloat16 with "
        "the batch of their configuration. Evaluated on `pairsDevTest`."
    )
    return f"{text}\n\n{table(header, rows)}"


def _training(item: Item, found: Mapping[str, Any]) -> list[str]:
    evaluation, held_out = found["evaluation"], found["evaluation"]["held_out_threshold"]
    by_rule = {one["rule"]: one for one in evaluation["thresholds"]}
    rate = found["images_per_second"]
    return [
        f"`{item.name}`",
        f"{percent(held_out['accuracy'])} ({'–'.join(f'{100 * end:.1f}' for end in held_out['accuracy_interval'])})",
        percent(by_rule["accuracy"]["accuracy"]),
        f"{by_rule['f1']['f1']:.3f}",
        f"{evaluation['auc']:.3f}",
        percent(next(one["accuracy"] for one in found["raw_pixels"]["thresholds"] if one["rule"] == "accuracy")),
        f"{found['first_loss']:.3g} → {found['last_loss']:.3g}",
        f"{found['epochs']:g}",
        f"{found['training_seconds'] / 60:.1f}",
        f"{rate:,.0f}" if rate else "",
    ]


def percent(share: float) -> str:
    """Return a share in per cent with one decimal."""
    return f"{100 * share:.1f} %"


TABLES: dict[str, Callable[[Figures], str]] = {
    "experiments": experiments,
}
"""Module of items → its table, in the order of the page."""
