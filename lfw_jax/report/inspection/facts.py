"""What an inspection found, in rows of words and numbers: the same ones on the terminal and on the page."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from lfw_jax.report.formatting import percent

FIRST_FILES = "the first"
"""The label of the row that names files; the page has a table of its own for them."""

_MODES = {"RGB": "colour (RGB)", "L": "grey (L)", "RGBA": "colour with transparency (RGBA)", "P": "palette (P)"}
_SHOWN = 4
_HUNDRED = 100
_UNITS = ("bytes", "KB", "MB", "GB", "TB")


@dataclasses.dataclass(frozen=True)
class Facts:
    """A group of rows.

    Attributes:
      title: what they are about.
      rows: (label, value).
    """

    title: str
    rows: list[tuple[str, str]]


def facts(summary: Mapping[str, Any]) -> list[Facts]:
    """The groups of an `inspection.json`, in the order of reading; a group without a row is left out."""
    groups = [
        Facts("The set", _set(summary)),
        Facts("Images a person", _people(summary)),
        Facts("Files", _files(summary)),
        Facts("Unreadable files", _unreadable(summary)),
        Facts("The same picture twice", _duplicates(summary)),
        Facts("Parts", _parts(summary)),
        Facts("People who do not train", _left_out(summary)),
        Facts("Batches", _batches(summary)),
    ]
    return [group for group in groups if group.rows]


def range_of(row: Mapping[str, int]) -> str:
    """A bin of images a person: "1", "5–9"."""
    return f"{row['from']}" if row["from"] == row["to"] else f"{row['from']}–{row['to']}"


def size_in_words(count: int) -> str:
    """A number of bytes in the largest unit that leaves a whole one."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} bytes" if unit == 0 else f"{value:,.1f} {_UNITS[unit]}"


def pair_in_words(pair: Mapping[str, Any]) -> str:
    """A pair of like images: their names, their parts where they are known, and how alike they are."""
    names = [
        f"{image} ({part})" if part and part != "none" else image
        for image, part in zip(pair["images"], pair["parts"] or ("", ""), strict=True)
    ]
    alike = "same bytes" if pair["same_bytes"] else f"{pair['distance']} of 256 bits apart"
    return f"{names[0]} = {names[1]}: {alike}"


def _set(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [("source", summary["source"]), ("people", f"{summary['people']:,}"), ("images", f"{summary['images']:,}")]
    return [*rows, ("size", size_in_words(summary["files"]["bytes"]))]


def _people(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    found, people = summary["images_per_person"], summary["people"]
    spread = f"{found['min']} / {found['median']:g} / {found['mean']:.1f} / {found['max']}"
    most = ", ".join(f"{name} {count:,}" for name, count in found["most"][:3])
    rows = [
        ("min / median / mean / max", spread),
        ("with one image", f"{_people_count(found['singletons'])} ({percent(found['singletons'] / max(people, 1))})"),
        ("with most images", most),
    ]
    if people >= _HUNDRED:
        rows.append(("the top 1 % of people", f"own {percent(found['top_share'])} of the images"))
    return rows


def _files(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    found, plan = summary["files"], summary["plan"]
    if not found["sizes"]:
        return []
    common = ", ".join(f"{row['width']} × {row['height']} ({row['images']:,})" for row in found["sizes"][:_SHOWN])
    more = found["different_sizes"] - _SHOWN
    rows = [
        ("formats", _counts(found["formats"])),
        ("colours", _counts(found["modes"])),
        ("width × height (images)", common + (f" and {more:,} other sizes" if more > 0 else "")),
    ]
    if found["different_sizes"] > 1:
        extremes = [(which, found[which]) for which in ("smallest", "largest")]
        rows += [(which, f"{size['width']} × {size['height']}: {size['image']}") for which, size in extremes]
    aspect = found["aspect"]
    if found["square"] < 1:
        squares = f"{percent(found['square'])} are square; longer by shorter side: median {aspect['median']:.2f}"
        rows.append(("shape", f"{squares}, at most {aspect['max']:.2f}"))
    seen = f"the centred {percent(plan['crop'], 0)} of the shorter side" if plan["crop"] < 1 else "the largest square"
    rows.append(("the network sees", f"{seen}, as {plan['side']} × {plan['side']}"))
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
        ("same bytes, one person", _pairs(same["within_people"])),
        ("same bytes, two people", _pairs(same["across_people"])),
        ("nearly the same, one person", least + _pairs(near["within_people"])),
        ("nearly the same, two people", least + _pairs(near["across_people"])),
    ]
    if found["on_both_sides"] is not None:
        rows.append(("one trains, one is judged", least + _pairs(found["on_both_sides"])))
    return rows


def _parts(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    split = summary["split"]
    if split is None:
        return []
    training = split["training"]
    rows = [("training", f"{training['people']:,} people, {training['images']:,} images")]
    if unused := split["unused_images_of_training_people"]:
        rows.append(("left out of it", f"{unused:,} images of these people"))
    for part, pairs in split["pairs"].items():
        counts = f"{pairs['same']:,} same and {pairs['different']:,} different pairs"
        rows.append((part, f"{counts} of {pairs['people']:,} people ({pairs['list']})"))
    return [*rows, *(("note", note) for note in split["notes"])]


def _left_out(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    split = summary["split"]
    if split is None:
        return []
    rows = []
    for reason, group in split["left_out"].items():
        more = ", …" if group["people"] > len(group["examples"]) else ""
        counts = f"{_people_count(group['people'])}, {_images_count(group['images'])}"
        rows.append((reason, f"{counts}: {', '.join(group['examples'])}{more}"))
    return rows


def _batches(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = summary["sampler"]
    if found is None:
        return []
    rates = found["by_images_of_person"]
    seldom = f"{found['seldom_images']:,} images, less than once in {found['seldom_epochs']} epochs"
    never = f"{found['never_images']:,} images in {found['epochs_looked_at']:.3g} epochs"
    if found["never_people"]:
        never += f", among them all images of {_people_count(found['never_people'])}"
    rows = [
        ("sampler", found["description"] + (" (of all images: there is no split)" if found["of_all_images"] else "")),
        ("batches an epoch", f"{found['steps_per_epoch']:,} of {found['batch_size']} images"),
        ("never drawn", never),
        ("seldom drawn", seldom),
        ("people with one image", f"{percent(found['singletons_of_draws'])} of what is drawn"),
        ("pairs of one person", _positives(found)),
    ]
    if len(rates) > 1:
        first, last = rates[0], rates[-1]
        drawn = f"{first['a_epoch']:.2g} times an epoch where a person has {first['from']}, {last['a_epoch']:.2g} times"
        rows.insert(4, ("an image is drawn", f"{drawn} from {last['from']} images on"))
    return rows


def _positives(found: Mapping[str, Any]) -> str:
    words = f"{found['positive_pairs_a_batch']:.1f} a batch"
    if found["batches_without_positive_pair"]:
        words += f"; {percent(found['batches_without_positive_pair'])} of the batches have none"
    return words


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{_MODES.get(name, name)} {count:,}" for name, count in counts.items())


def _people_count(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _images_count(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def _pairs(count: int) -> str:
    return "none" if not count else f"{count:,} pair{'s' * (count != 1)}"


def bars(histogram: Sequence[Mapping[str, int]], width: int) -> list[tuple[str, str, str]]:
    """Text bars of people by images a person: (images a person, bar, "people, images"); the longest is `width` letters."""
    most = max((row["people"] for row in histogram), default=1)
    lines = []
    for row in histogram:
        eighths = round(8 * width * row["people"] / most)
        bar = "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")
        lines.append(
            (range_of(row), bar or "▏" * bool(row["people"]), f"{row['people']:,} people, {row['images']:,} images")
        )
    return lines
