"""Fisher vectors of dense SIFT: an image as the gradient of the likelihood of its local descriptors.

A vocabulary, a projection of the descriptors and a mixture of Gaussians over them, is learned without labels. The vector of an
image says how the mixture's means and deviations would have to move to fit this image better. Sources: Perronnin, Sánchez &
Mensink, "Improving the Fisher kernel for large-scale image classification", ECCV 2010; for faces, with positions appended to the
descriptors: Simonyan et al., "Fisher vector faces in the wild", BMVC 2013.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from lfw_jax.descriptors.dense_sift import DIMENSION, DenseSift, dense_sift, grid_positions
from lfw_jax.descriptors.gaussian_mixture import DiagonalMixture, fit_mixture, log_joint
from lfw_jax.errors import UserError

_IMAGES_AT_ONCE = 8


@dataclasses.dataclass(frozen=True)
class VocabularySize:
    """Size of a vocabulary, and the data it is learned from.

    Attributes:
      components: principal components of the descriptors.
      gaussians: Gaussians of the mixture. A Fisher vector has 2 × gaussians × (components + 2) numbers.
      descriptors: number of descriptors that are sampled from the images.

    Raises:
      UserError: a value is out of range.
    """

    components: int = 64
    gaussians: int = 128
    descriptors: int = 200_000

    def __post_init__(self):
        if not 1 <= self.components <= DIMENSION:
            raise UserError(f"components is {self.components}; expected 1 to {DIMENSION}, such as 64.")
        if not 1 <= self.gaussians < self.descriptors:
            raise UserError(
                f"gaussians is {self.gaussians} with descriptors={self.descriptors}; expected at least 1 Gaussian, and more "
                "descriptors than Gaussians, such as 128 and 200000."
            )


@partial(jax.tree_util.register_dataclass, data_fields=("mean", "projection", "mixture"), meta_fields=())
@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Projection of local descriptors, and a mixture of Gaussians over them and their positions.

    Attributes:
      mean: Mean of the descriptors.
      projection: Principal components, largest first.
      mixture: Mixture over the components followed by (x, y).
    """

    mean: Float[Array, "128"]
    projection: Float[Array, "128 components"]
    mixture: DiagonalMixture


def fit_vocabulary(
    images: Num[np.ndarray, "images height width"], sift: DenseSift, size: VocabularySize, *, seed: int
) -> Vocabulary:
    """Learn a vocabulary from descriptors that are sampled from training images, without labels.

    Args:
      images: grey values in 0…255 of training images.
      sift: the grid and the scales.
      size: the size of the vocabulary.
      seed: seed of the sample and of the mixture.

    Raises:
      UserError: the images have fewer descriptors than the vocabulary has Gaussians.
    """
    rng = np.random.default_rng(seed)
    height, width = images.shape[1:]
    positions = grid_positions(height, width, sift)
    each = min(-(-size.descriptors // len(images)), len(positions))
    sampled, places = [], []
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        batch = images[start : start + _IMAGES_AT_ONCE]
        chosen = np.stack([rng.choice(len(positions), each, replace=False) for _ in batch])
        descriptors = np.asarray(dense_sift(_padded(batch), sift)[0][: len(batch)])
        sampled.append(np.take_along_axis(descriptors, chosen[..., None], axis=1).reshape(-1, DIMENSION))
        places.append(positions[chosen].reshape(-1, 2))
    found = np.concatenate(sampled)
    mean = found.mean(axis=0, dtype=np.float64).astype(np.float32)
    found -= mean
    _, vectors = np.linalg.eigh(found.T.astype(np.float64) @ found)
    projection = np.ascontiguousarray(vectors[:, ::-1][:, : size.components], np.float32)
    points = np.concatenate([found @ projection, np.concatenate(places)], axis=1)
    mixture = fit_mixture(points, size.gaussians, seed=seed)
    return Vocabulary(jnp.asarray(mean), jnp.asarray(projection), mixture)


def fisher_vectors(
    images: Num[np.ndarray, "images height width"],
    vocabulary: Vocabulary,
    sift: DenseSift,
    *,
    dtype: type[np.floating] = np.float32,
) -> Float[np.ndarray, "images dim"]:
    """Return the improved Fisher vectors of images: signed square roots, scaled to unit length.

    Args:
      images: grey values in 0…255, of the size that the vocabulary was learned from.
      vocabulary: the vocabulary.
      sift: the grid and the scales, those of the vocabulary.
      dtype: type of the result; float16 halves the memory.
    """
    count, dim = vocabulary.mixture.means.shape
    vectors = np.empty((len(images), 2 * count * dim), dtype)
    for start in range(0, len(images), _IMAGES_AT_ONCE):
        batch = images[start : start + _IMAGES_AT_ONCE]
        vectors[start : start + len(batch)] = np.asarray(_encode(_padded(batch), vocabulary, sift))[: len(batch)]
    return vectors


def fisher_vector(points: Float[Array, "points dim"], mixture: DiagonalMixture) -> Float[Array, "dim2"]:
    """Return the Fisher vector of a set of points: 2 × gaussians × dim numbers.

    The gradient of the mean log-likelihood of a point with respect to the means and the standard deviations, divided by the
    square root of the diagonal of the Fisher information, in its closed approximation (Perronnin et al. 2010).

    Args:
      points: local descriptors of one image.
      mixture: the mixture of the vocabulary.

    Returns:
      The part of the means, then that of the deviations, each by Gaussian and dimension.
    """
    posterior = jax.nn.softmax(log_joint(points, mixture))
    count = posterior.sum(axis=0)[:, None]
    sums = posterior.T @ points
    squares = posterior.T @ points**2
    mean, deviation = mixture.means, jnp.sqrt(mixture.variances)
    first = (sums - mean * count) / deviation
    second = (squares - 2 * mean * sums + mean**2 * count) / mixture.variances - count
    root = len(points) * jnp.sqrt(mixture.weights)[:, None]
    return jnp.concatenate([(first / root).ravel(), (second / (root * np.sqrt(2))).ravel()])


def improve(vectors: Float[Array, "*images dim"]) -> Float[Array, "*images dim"]:
    """Return signed square roots, scaled to unit length; zero vectors stay zero.

    Args:
      vectors: Fisher vectors.
    """
    rooted = jnp.sign(vectors) * jnp.sqrt(jnp.abs(vectors))
    norm = jnp.linalg.norm(rooted, axis=-1, keepdims=True)
    return rooted / jnp.where(norm > 0, norm, 1)


@partial(jax.jit, static_argnames="sift")
def _encode(images: jax.Array, vocabulary: Vocabulary, sift: DenseSift) -> jax.Array:
    """Return the improved Fisher vectors of a few images."""
    descriptors, positions = dense_sift(images, sift)

    def one(described: jax.Array) -> jax.Array:
        projected = (described - vocabulary.mean) @ vocabulary.projection
        return improve(fisher_vector(jnp.concatenate([projected, positions], axis=1), vocabulary.mixture))

    return jax.lax.map(one, descriptors)


def _padded(batch: np.ndarray) -> np.ndarray:
    """Return a batch that is filled up with black images, so that every batch has one compiled program."""
    return np.concatenate([batch, np.zeros((_IMAGES_AT_ONCE - len(batch), *batch.shape[1:]), batch.dtype)])
