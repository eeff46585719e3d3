"""What an inspection found, as one HTML page in the style of the report."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.report.formatting import percent
from lfw_jax.report.inspection.facts import FIRST_FILES, facts
from lfw_jax.report.inspection.figures import (
    crop_sheet,
    image_sides,
    images_per_person,
    needed_side,
    pair_sheet,
)
from lfw_jax.report.page import Section, write_page

_FILES = 50
_HEAD = ["", "Found"]

Pictures = Sequence[UInt8[np.ndarray, "side side 3"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """What the page shows besides words and numbers.

    Attributes:
      counts: `[people]`, the images of each person.
      shorter: `[images]`, the shorter side of each image, pixels.
      crops: random images as the network sees them.
      first: pictures of the first images of `duplicates.pairs`, as many pairs as are to be shown.
      second: of their partners.
    """

    counts: Int[np.ndarray, "people"]
    shorter: Int[np.ndarray, "images"]
    crops: Pictures
    first: Pictures
    second: Pictures


def write_inspection_page(
    path: Path,
    summary: Mapping[str, Any],
    evidence: Evidence,
    *,
    config: str,
    environment: Mapping[str, str],
) -> Path:
    """Write the page, whole or not at all, and return its path.

    Args:
      path: the file to write; its folder must exist.
      summary: an `inspection.json`.
      evidence: what is drawn and shown.
      config: the whole configuration, shown as it is.
      environment: names and values that describe machine and versions.
    """
    sections = [_verdict(summary), *inspection_sections(summary, evidence)]
    return write_page(
        path,
        title=f"Data set: {summary['config']}",
        subtitle=summary["source"],
        command=summary["command"],
        headline=_headline(summary),
        sections=sections,
        config=config,
        environment=environment,
        notice=f"Training cannot begin: {' '.join(summary['faults'])}" if summary["faults"] else "",
    )


def inspection_sections(summary: Mapping[str, Any], evidence: Evidence) -> list[Section]:
    """The groups of facts as sections, each with its words, table and figures."""
    shown = {
        "Images a person": lambda: _people_figure(summary, evidence),
        "Files": lambda: _file_figures(summary, evidence),
    }
    sections = []
    for group in facts(summary):
        table = [_HEAD, *([label, value] for label, value in group.rows if label != FIRST_FILES)]
        figures = shown.get(group.title, list)()
        sections.append(Section(group.title, _MEANING.get(group.title, ""), table, figures))
        if group.title == "Unreadable files" and summary["unreadable"]["count"]:
            sections.append(_files_named(summary))
        if group.title == "The same picture twice" and summary["duplicates"]["pairs"]:
            sections.append(_pairs(summary, evidence))
    return sections


_MEANING = {
    "The same picture twice": (
        "Same bytes: the files are equal. Nearly the same: few of the 256 bits of their perceptual hashes differ, as where a "
        "photograph was cropped, scaled or compressed anew, or is the next one of a series. Pairs of two people point to a "
        "wrong name. A pair of which one image trains and the other is judged flatters the result. All pairs stand in "
        "inspection_duplicates.csv."
    ),
    "Parts": (
        "No person is in two of training, validation and test. Thresholds are chosen on the development pairs, whose people "
        "may train."
    ),
    "People who do not train": "Everybody is named, with the reason, in inspection_people.csv.",
    "Batches": (
        "What the sampler draws in its first epochs. A loss that compares images learns who matches from the pairs of one "
        "person in a batch; images that are seldom drawn hardly count."
    ),
}


def _headline(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found, duplicates = summary["images_per_person"], summary["duplicates"]
    across = duplicates["same_bytes"]["across_people"] + duplicates["near"]["across_people"]
    return [
        ("Images", f"{summary['images']:,}", f"of {summary['people']:,} people"),
        ("With one image", percent(found["singletons"] / max(summary["people"], 1)), f"{found['singletons']:,} people"),
        ("Unreadable", f"{summary['unreadable']['count']:,}", "files that were left out or cannot be decoded"),
        ("Two names, one picture", f"{across:,}", "pairs of images: probably wrong names"),
    ]


def _verdict(summary: Mapping[str, Any]) -> Section:
    if not summary["concerns"]:
        return Section("What to look at", "Nothing was found that would spoil a training or its result.")
    sentences = [sentence[:1].upper() + sentence[1:] for sentence in summary["concerns"]]
    return Section("What to look at", "\n\n".join(sentences))


def _people_figure(summary: Mapping[str, Any], evidence: Evidence) -> list:
    caption = (
        "Left, people by the number of their images. Right, the share of all images that the people with most own."
    )
    return [(caption, images_per_person(summary["images_per_person"]["histogram"], evidence.counts))]


def _file_figures(summary: Mapping[str, Any], evidence: Evidence) -> list:
    figures: list = []
    if len(evidence.crops):
        caption = (
            "What the network sees: the mean of random images, then some of them. Where eyes, nose and mouth show in the "
            "mean, faces are aligned; a blur says that they are not."
        )
        figures.append((caption, crop_sheet(evidence.crops)))
    if len(np.unique(evidence.shorter)) > 1:
        needed = needed_side(summary["plan"])
        caption = "The shorter sides of the images; below the line the network's square shows enlarged pixels."
        figures.append((caption, image_sides(evidence.shorter, needed)))
    return figures


def _files_named(summary: Mapping[str, Any]) -> Section:
    files = summary["unreadable"]["files"]
    text = f"The first {_FILES} of {len(files):,}; all of them stand in inspection.json." if len(files) > _FILES else ""
    return Section("Which files", text, [["File", "Reason"], *([f["path"], f["reason"]] for f in files[:_FILES])])


def _pairs(summary: Mapping[str, Any], evidence: Evidence) -> Section:
    table = [["", "One image", "The other", "Bits apart"]]
    for number, pair in enumerate(summary["duplicates"]["pairs"], 1):
        names = [
            f"{image}, {part}" if part and part != "none" else image
            for image, part in zip(pair["images"], pair["parts"] or ("", ""), strict=True)
        ]
        table.append([str(number), *names, "same bytes" if pair["same_bytes"] else str(pair["distance"])])
    figures = []
    if len(evidence.first):
        figures.append(("The pairs by their number in the table.", pair_sheet(evidence.first, evidence.second)))
    text = "The gravest first: those of which one image trains and the other is judged, then those of two people."
    if left := summary["duplicates"]["pairs_left_out"]:
        text += f" {left:,} more stand in inspection_duplicates.csv."
    return Section("Two names, or two sides, one picture", text, table, figures)
