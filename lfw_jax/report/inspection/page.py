"""The HTML page of an inspection, in the style of the training report."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.report.formatting import percent
from lfw_jax.report.inspection.charts import image_concentration, image_sides, images_per_identity
from lfw_jax.report.inspection.facts import (
    BATCHES,
    DUPLICATES,
    FILES,
    FIRST_FILES,
    NOT_TRAINED,
    PER_IDENTITY,
    SPLIT,
    UNREADABLE,
    facts,
)
from lfw_jax.report.inspection.figures import crop_sheet, needed_side, pair_sheet
from lfw_jax.report.page import Reproduction, Section, write_page

_FILES = 50
_HEAD = ["", "Value"]

Pictures = Sequence[UInt8[np.ndarray, "side side 3"]]


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """The data of the plots and pictures of the page.

    Attributes:
      counts: `[identities]`, the number of images of each identity.
      shorter: `[images]`, the shorter side of each image in pixels.
      crops: inputs of the network for random images.
      first: the first images of the leading `duplicates.pairs`.
      second: the second images of these pairs.
    """

    counts: Int[np.ndarray, "identities"]
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
    """Write the page, atomically.

    Args:
      path: the file to write; its folder must exist.
      summary: the content of an `inspection.json`.
      evidence: the data of the plots and pictures.
      config: the whole configuration as text.
      environment: names and values that describe the machine and versions.

    Returns:
      `path`.
    """
    sections = [_verdict(summary), *inspection_sections(summary, evidence)]
    return write_page(
        path,
        title=f"Data set: {summary['config']}",
        subtitle=summary["source"],
        headline=_headline(summary),
        sections=sections,
        reproduction=Reproduction(summary["command"], config, environment),
        notice=f"Training cannot begin: {' '.join(summary['faults'])}" if summary["faults"] else "",
    )


def inspection_sections(summary: Mapping[str, Any], evidence: Evidence) -> list[Section]:
    """Return the groups of facts as sections of the page, with their explanations, tables and plots.

    Args:
      summary: the content of an `inspection.json`.
      evidence: the data of the plots and pictures.
    """
    plots = {
        PER_IDENTITY: lambda: _identity_plots(summary, evidence),
        FILES: lambda: _file_plots(summary, evidence),
    }
    sections = []
    for group in facts(summary):
        table = [_HEAD, *([label, value] for label, value in group.rows if label != FIRST_FILES)]
        figures = plots.get(group.title, list)()
        sections.append(Section(group.title, _MEANING.get(group.title, ""), table, figures))
        if group.title == UNREADABLE and summary["unreadable"]["count"]:
            sections.append(_files_named(summary))
        if group.title == DUPLICATES and summary["duplicates"]["pairs"]:
            sections.append(_pairs(summary, evidence))
    return sections


_MEANING = {
    DUPLICATES: (
        "Identical: the files have the same bytes. Similar: few of the 256 bits of their perceptual hashes differ, for example "
        "because a photograph was cropped, resized or compressed again, or because two photographs are from one series. Pairs "
        "with two identities indicate a wrong label. Pairs of a training image and an evaluation (validation or test) image make "
        "the results too optimistic. All pairs are listed in inspection_duplicates.csv."
    ),
    SPLIT: (
        "The identities for training, validation and test are disjoint. Thresholds are chosen on the development pairs, whose "
        "identities may be used for training as well."
    ),
    NOT_TRAINED: "All identities are listed in inspection_identities.csv, with the reasons.",
    BATCHES: (
        "Statistics of the first epochs. A loss that compares images learns from the same-identity pairs in a batch; rarely "
        "sampled images hardly contribute."
    ),
}


def _headline(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    found, duplicates = summary["images_per_identity"], summary["duplicates"]
    across = duplicates["same_bytes"]["across_identities"] + duplicates["near"]["across_identities"]
    return [
        ("Images", f"{summary['images']:,}", f"of {summary['identities']:,} identities"),
        (
            "With one image",
            percent(found["singletons"] / max(summary["identities"], 1)),
            f"{found['singletons']:,} identities",
        ),
        ("Unreadable", f"{summary['unreadable']['count']:,}", "files that were skipped or cannot be decoded"),
        ("Conflicting labels", f"{across:,}", "pairs of duplicates with two identities"),
    ]


def _verdict(summary: Mapping[str, Any]) -> Section:
    if not summary["concerns"]:
        return Section("Problems", "No problem was found that would harm the training or distort its results.")
    sentences = [sentence[:1].upper() + sentence[1:] for sentence in summary["concerns"]]
    return Section("Problems", "\n\n".join(sentences))


def _identity_plots(summary: Mapping[str, Any], evidence: Evidence) -> list:
    return [
        (
            "The number of identities by their number of images.",
            images_per_identity(summary["images_per_identity"]["histogram"]),
        ),
        (
            "The share of all images that belongs to the identities with the most images; on the dotted line, all identities "
            "have the same number of images.",
            image_concentration(evidence.counts),
        ),
    ]


def _file_plots(summary: Mapping[str, Any], evidence: Evidence) -> list:
    figures: list = []
    if len(evidence.crops):
        caption = (
            "Inputs of the network: the mean of random images, then some of them. The faces are aligned if the mean shows eyes, "
            "nose and mouth, and not aligned if it is a blur."
        )
        figures.append((caption, crop_sheet(evidence.crops)))
    if len(np.unique(evidence.shorter)) > 1:
        needed = needed_side(summary["plan"])
        caption = "The shorter sides of the images. Images left of the line are enlarged for the network."
        figures.append((caption, image_sides(evidence.shorter, needed)))
    return figures


def _files_named(summary: Mapping[str, Any]) -> Section:
    files = summary["unreadable"]["files"]
    text = f"The first {_FILES} of {len(files):,}; inspection.json lists all of them." if len(files) > _FILES else ""
    return Section(
        "List of unreadable files", text, [["File", "Reason"], *([f["path"], f["reason"]] for f in files[:_FILES])]
    )


def _pairs(summary: Mapping[str, Any], evidence: Evidence) -> Section:
    table = [["", "First image", "Second image", "Different hash bits"]]
    for number, pair in enumerate(summary["duplicates"]["pairs"], 1):
        names = [
            f"{image}, {part}" if part and part != "none" else image
            for image, part in zip(pair["images"], pair["parts"] or ("", ""), strict=True)
        ]
        table.append([str(number), *names, "identical" if pair["same_bytes"] else str(pair["distance"])])
    figures = []
    if len(evidence.first):
        figures.append(("The pairs, numbered as in the table.", pair_sheet(evidence.first, evidence.second)))
    text = "The most serious pairs first: those of a training and an evaluation image, then those with two identities."
    if left := summary["duplicates"]["pairs_left_out"]:
        text += f" inspection_duplicates.csv lists {left:,} more."
    return Section("List of serious duplicates", text, table, figures)
