"""The facts of an inspection as rows of labels and values, the same on the terminal and on the page."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from lfw_jax.report.formatting import percent
from lfw_jax.report.inspection.values import counts_in_words, identity_count, image_count, pair_count, size_in_words

FIRST_FILES = "examples"
"""The label of the row that names files, for which the page has a table instead."""

PER_IDENTITY, FILES, UNREADABLE = "Images per identity", "Files", "Unreadable files"
DUPLICATES, SPLIT, NOT_TRAINED, BATCHES = "Duplicates", "Split", "Identities not used for training", "Batches"
"""The titles of the groups to which terminal or page add something."""

_SHOWN = 4
_HUNDRED = 100


@dataclasses.dataclass(frozen=True)
class Facts:
    """A group of facts.

    Attributes:
      title: the title of the group.
      rows: pairs of a label and a value.
    """

    title: str
    rows: list[tuple[str, str]]


def facts(summary: Mapping[str, Any]) -> list[Facts]:
    """Return the groups of facts of an `inspection.json`, without empty groups."""
    groups = [
        Facts("Data set", _set(summary)),
        Facts(PER_IDENTITY, _people(summary)),
        Facts(FILES, _files(summary)),
        Facts(UNREADABLE, _unreadable(summary)),
        Facts(DUPLICATES, _duplicates(summary)),
        Facts(SPLIT, _parts(summary)),
        Facts(NOT_TRAINED, _left_out(summary)),
        Facts(BATCHES, _batches(summary)),
    ]
    return [group for group in groups if group.rows]


def _set(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("source", summary["source"]),
        ("identities", f"{summary['identities']:,}"),
        ("images", f"{summary['images']:,}"),
    ]
    return [*rows, ("size", size_in_words(summary["files"]["bytes"]))]


def _people(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    found, identities = summary["images_per_identity"], summary["identities"]
    spread = f"{found['min']} / {found['median']:g} / {found['mean']:.1f} / {found['max']}"
    most = ", ".join(f"{name} {count:,}" for name, count in found["most"][:3])
    rows = [
        ("min / median / mean / max", spread),
        (
            "with one image",
            f"{identity_count(found['singletons'])} ({percent(found['singletons'] / max(identities, 1))})",
        ),
        ("most images", most),
    ]
    if identities >= _HUNDRED:
        rows.append(("top 1 % of identities", f"{percent(found['top_share'])} of all images"))
    return rows


def _files(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    found, plan = summary["files"], summary["plan"]
    if not found["sizes"]:
        return []
    common = ", ".join(f"{row['width']} × {row['height']} ({row['images']:,})" for row in found["sizes"][:_SHOWN])
    more = found["different_sizes"] - _SHOWN
    rows = [
        ("formats", counts_in_words(found["formats"])),
        ("colours", counts_in_words(found["modes"])),
        ("width × height (images)", common + (f" and {more:,} other sizes" if more > 0 else "")),
    ]
    if found["different_sizes"] > 1:
        extremes = [(which, found[which]) for which in ("smallest", "largest")]
        rows += [(which, f"{size['width']} × {size['height']}: {size['image']}") for which, size in extremes]
    aspect = found["aspect"]
    if found["square"] < 1:
        squares = f"{percent(found['square'])} are square; longer / shorter side: median {aspect['median']:.2f}"
        rows.append(("aspect ratio", f"{squares}, maximum {aspect['max']:.2f}"))
    square = "the largest centred square"
    if plan["crop"] < 1:
        square = f"the centred square of {percent(plan['crop'], 0)} of the shorter side"
    rows.append(("network input", f"{square}, resized to {plan['side']} × {plan['side']}"))
    return rows


def _unreadable(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = summary["unreadable"]
    if not found["count"]:
        return [("files", "none")]
    rows = [("files", f"{found['count']:,}")]
    rows += [(reason, f"{count:,}") for reason, count in list(found["reasons"].items())[:_SHOWN]]
    if (more := len(found["reasons"]) - _SHOWN) > 0:
        rows.append(("other reasons", f"{more:,}"))
    named = [f"{item['path']}: {item['reason']}" for item in found["files"][:_SHOWN]]
    rows.append((FIRST_FILES, "\n".join(named)))
    return rows


def _duplicates(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = summary["duplicates"]
    same, near, least = found["same_bytes"], found["near"], "" if found["complete"] else "at least "
    rows = [
        ("identical, one identity", pair_count(same["within_identities"])),
        ("identical, two identities", pair_count(same["across_identities"])),
        ("similar, one identity", least + pair_count(near["within_identities"])),
        ("similar, two identities", least + pair_count(near["across_identities"])),
    ]
    if found["on_both_sides"] is not None:
        rows.append(("in training and evaluation", least + pair_count(found["on_both_sides"])))
    return rows


def _parts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    split = summary["split"]
    if split is None:
        return []
    training = split["training"]
    rows = [("training", f"{identity_count(training['identities'])}, {image_count(training['images'])}")]
    if unused := split["unused_images_of_training_identities"]:
        rows.append(("unused", f"{image_count(unused)} of training identities"))
    for part, pairs in split["pairs"].items():
        counts = f"{pairs['same']:,} same and {pairs['different']:,} different pairs"
        rows.append((part, f"{counts} of {identity_count(pairs['identities'])} ({pairs['list']})"))
    return [*rows, *(("note", note) for note in split["notes"])]


def _left_out(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    split = summary["split"]
    if split is None:
        return []
    rows = []
    for reason, group in split["left_out"].items():
        more = ", …" if group["identities"] > len(group["examples"]) else ""
        counts = f"{identity_count(group['identities'])}, {image_count(group['images'])}"
        rows.append((reason, f"{counts}: {', '.join(group['examples'])}{more}"))
    return rows


def _batches(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = summary["sampler"]
    if found is None:
        return []
    rates = found["by_images_of_identity"]
    rarely = "none"
    if found["seldom_images"]:
        rarely = f"{image_count(found['seldom_images'])}, less than once in {found['seldom_epochs']} epochs"
    never = image_count(found["never_images"]) if found["never_images"] else "none"
    never += f" in {found['epochs_examined']:.3g} epochs"
    if found["never_identities"]:
        never += f", among them all images of {identity_count(found['never_identities'])}"
    rows = [
        (
            "sampler",
            found["description"] + (" (of all images, as there is no split)" if found["of_all_images"] else ""),
        ),
        ("batches per epoch", f"{found['steps_per_epoch']:,} of {found['batch_size']} images"),
        ("never sampled", never),
        ("rarely sampled", rarely),
        ("identities with one image", f"{percent(found['singletons_of_draws'])} of the sampled images"),
        ("same-identity pairs", _positives(found)),
    ]
    if len(rates) > 1:
        first, last = rates[0], rates[-1]
        rate = f"{first['per_epoch']:.2g} per epoch for identities with {image_count(first['from'])}, {last['per_epoch']:.2g}"
        rows.insert(4, ("samples of an image", f"{rate} for those with {last['from']} images or more"))
    return rows


def _positives(found: Mapping[str, Any]) -> str:
    words = f"{found['positive_pairs_per_batch']:.1f} per batch"
    if found["batches_without_positive_pair"]:
        words += f"; {percent(found['batches_without_positive_pair'])} of the batches have none"
    return words
