"""Small sets of pictures for tests."""

import dataclasses
import io

import numpy as np
from PIL import Image

from lfw_jax.data.images import ImageSet


def picture(seed, width=40, height=40, mode="RGB"):
    """Large patches with smaller ones over them, as photographs have coarse and fine shapes."""
    rng = np.random.default_rng(seed)
    layers = [Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)) for n in (5, 20)]
    coarse, fine = (layer.resize((width, height), Image.Resampling.BICUBIC) for layer in layers)
    return Image.blend(coarse, fine, 0.4).convert(mode)


def encoded(image, kind="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def images_of(contents, labels, **changes):
    """A set of encoded images; the identities are called p0, p1, …"""
    labels = np.asarray(labels, np.int32)
    numbers = np.array([1 + int((labels[:i] == label).sum()) for i, label in enumerate(labels)], np.int32)
    names = tuple(f"p{i}" for i in range(labels.max() + 1))
    return dataclasses.replace(ImageSet(names, labels, numbers, contents, "encoded"), **changes)


def on_disk(folder, contents, labels, ending="jpg"):
    paths = [folder / f"{i}.{ending}" for i in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return images_of(paths, labels, storage="files")


def set_of(counts):
    """People with so many different pictures each."""
    labels = np.repeat(np.arange(len(counts)), counts)
    return images_of([encoded(picture(i), "PNG") for i in range(len(labels))], labels)
