"""Images of an aligned folder in which no face was detected."""

import dataclasses
import os
from pathlib import Path

import numpy as np

from lfw_jax.data.images import ImageSet
from lfw_jax.data.storage import LazyImages
from lfw_jax.faces.align_set import MANIFEST
from lfw_jax.faces.aligned_folder import SETTINGS
from lfw_jax.faces.manifest import read_manifest


def with_undetected(images: ImageSet, folder: Path) -> ImageSet:
    """Return the images of a folder with those in which `--mode=align` detected no face.

    Args:
      images: the images of the folder.
      folder: the folder; without a manifest of an alignment, the images are returned unchanged.

    Raises:
      UserError: the manifest is damaged.
    """
    manifest = folder / MANIFEST
    if images.storage != "files" or not manifest.is_file() or not (folder / SETTINGS).is_file():
        return images
    fallbacks = {os.path.join(folder, row.file) for row in read_manifest(manifest) if row.fallback}
    found = []
    if fallbacks:
        every = np.arange(len(images))
        files = images.images.sources(every) if isinstance(images.images, LazyImages) else images.images
        found = [index for index, file in enumerate(files) if os.fspath(file) in fallbacks]
    keys = [(images.names[images.labels[index]], int(images.numbers[index])) for index in found]
    return dataclasses.replace(images, undetected=frozenset(keys))
