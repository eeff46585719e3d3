"""Templates: several images or frames of one identity pooled into one embedding."""

import numpy as np
from jaxtyping import Float, Float32, Int

from lfw_jax.evaluation.identification.protocol import unit


def pool(
    embeddings: Float[np.ndarray, "images dim"],
    members: Int[np.ndarray, "rows"],
    templates: Int[np.ndarray, "rows"],
    media: Int[np.ndarray, "rows"] | None = None,
    quality: Float[np.ndarray, "rows"] | None = None,
) -> Float32[np.ndarray, "templates dim"]:
    """Pool embeddings into one unit embedding per template: the frames of a medium, then the media.

    Each embedding is normalised and multiplied by its quality. The mean over the rows of a medium is the medium's vector, so that
    a video of a thousand frames counts as much as one photo of the same mean quality. The sum over the media of a template,
    normalised, is the template. Without media, each row is a medium of its own. A template of equal images is that image. One
    whose vectors cancel has no direction and becomes zero: its similarity to any other is 0.

    Args:
      embeddings: embeddings of images, of any length; an image may be in several templates.
      members: index of the image of each row.
      templates: index of the template of each row, from 0; each index occurs.
      media: medium of each row; equal numbers in different templates are different media.
      quality: quality of each row, 0 or more, such as the score of a face detector; all rows count equally if None.

    Returns:
      The templates, in the order of their indices.

    Raises:
      ValueError: a quality that is negative or not finite, or a template without any quality above 0.

    Source: Whitelam et al., "IARPA Janus Benchmark-B Face Dataset", CVPR workshops 2017 (templates and media); the order of
      pooling is that of InsightFace's evaluation of IJB-B and IJB-C, which weights by detection scores.
    """
    from scipy.sparse import csr_array  # only now, as its import takes long

    weights = np.ones(len(members)) if quality is None else np.asarray(quality, np.float64)
    count = int(templates.max()) + 1
    total = np.bincount(templates, weights=weights, minlength=count)
    if not np.isfinite(weights).all() or (weights < 0).any() or not total.all():
        raise ValueError("expected finite qualities of 0 or more, and one above 0 in each template")
    if media is not None:
        _, medium = np.unique(np.stack([templates, media]), axis=1, return_inverse=True)
        weights = weights / np.bincount(medium)[medium]
        total = np.bincount(templates, weights=weights, minlength=count)
    matrix = csr_array((weights, (templates, members)), shape=(count, len(embeddings)))
    sums = matrix @ unit(embeddings)
    sums[np.linalg.norm(sums, axis=1) <= 1e-6 * total] = 0.0  # what rounding leaves of vectors that cancel
    return unit(sums)
