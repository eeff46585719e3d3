"""Small protocols of noise images: templates of several media, two galleries, probes, pairs and distractors."""

from pathlib import Path

import numpy as np
from PIL import Image

HEADER = "TEMPLATE_ID,SUBJECT_ID,FILENAME,MEDIA_ID,quality"


def write_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def write_protocol(folder: Path, *, people: int = 6, distractors: int = 3) -> Path:
    """Write a protocol: each person has a template of one photo and one of two photos and a video of two frames.

    Templates 1, 2, … have one photo and are the gallery, those from 101 on the probes. The last person is not in the gallery.
    """
    lines, seed = [HEADER], 0
    for person in range(1, people + 1):
        for template, media in (
            (person, "m1"),
            (100 + person, "m2"),
            (100 + person, "m3"),
            *[(100 + person, "v1")] * 2,
        ):
            file = f"Person {person}/{seed}.png"
            write_image(folder / "images" / file, seed)
            lines.append(f"{template},Person {person},{file},{media},{1 + seed % 3}")
            seed += 1
    write(folder / "templates.csv", lines)
    write(folder / "gallery.csv", ["template_id", *map(str, range(1, people))])
    write(folder / "probes.csv", ["TEMPLATE_ID;other", *(f"{100 + person};x" for person in range(1, people + 1))])
    ours = [f"{person},{100 + person}" for person in range(1, people + 1)]
    others = [f"{person},{100 + person % people + 1}" for person in range(1, people + 1)]
    write(folder / "pairs.csv", [*ours, *others])  # without a header, as those of IJB
    for index in range(distractors):
        write_image(folder / "distractors" / "sub" / f"{index}.png", 1000 + index)
    write(folder / "distractors" / "readme.txt", ["no image"])
    parts = ["part,path", "templates,templates.csv", "gallery,gallery.csv", "probes,probes.csv", "pairs,pairs.csv"]
    return write(folder / "protocol.csv", [*parts, *(["distractors,distractors"] if distractors else [])])


def write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
