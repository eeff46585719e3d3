"""Training identities with enough images."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError


def with_enough_images(training: ImageSet, config: Mapping[str, Any]) -> tuple[ImageSet, list[str]]:
    """Leave out training identities with fewer than `config.min_images_per_identity` images.

    Held-out and evaluated identities are not affected.

    Args:
      training: the training images.
      config: the `data` part of the configuration.

    Returns:
      The images of the other identities, and a note on what was left out.

    Raises:
      UserError: no identity has as many images.
    """
    least = config.get("min_images_per_identity", 1)
    if least <= 1:
        return training, []
    counts = np.bincount(training.labels, minlength=len(training.names))
    kept = training.where(np.flatnonzero(counts[training.labels] >= least))
    if not len(kept):
        raise UserError(
            f"--config.data.min_images_per_identity is {least}, but no training identity has more than {counts.max()} images; "
            f"set it to {counts.max()} or lower."
        )
    identities, images = len(training.names) - len(kept.names), len(training) - len(kept)
    note = (
        f"{identities:,} identities with fewer than {least} training images are left out of training, {images:,} images "
        "(--config.data.min_images_per_identity)."
    )
    return kept, [note]
