"""The angle that a loss with prototypes demands of an image."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from docs.pictures.why.style import COLOURS, GREY
from lfw_jax.metric import heads
from lfw_jax.report.style import new_figure

CLASSES = 3844
"""Training identities of View 1, less the 5 % that the experiments hold out."""
LOSSES = {
    "ArcFace 0.5, scale 11.7: the report": lambda *of: heads.arcface(
        *of, margin=0.5, scale=heads.adacos_scale(CLASSES)
    ),
    "ArcFace 0.5, scale 64: large data sets": lambda *of: heads.arcface(*of, margin=0.5, scale=64.0),
    "CosFace 0.25, scale 17.5: lfw_cpu": lambda *of: heads.cosface(
        *of, margin=0.25, scale=1.5 * heads.adacos_scale(CLASSES)
    ),
}
_DEGREES = np.arange(0.0, 90.5, 0.5)


def remaining_pull(loss, degrees: Float[np.ndarray, "angles"]) -> Float[np.ndarray, "angles"]:
    """Return the probability that the softmax leaves to other identities, by the angle between image and prototype.

    It is the factor of the gradient that goes to 0 when an image is recognised. All other prototypes are at a right angle to
    the image, as random directions nearly are.

    Args:
      loss: the loss of embeddings, labels and prototypes.
      degrees: the angles in degrees.
    """
    prototypes = jnp.zeros((CLASSES, 3)).at[0, 0].set(1.0).at[1:, 2].set(1.0)
    angles = jnp.deg2rad(jnp.asarray(degrees))
    embeddings = jnp.stack([jnp.cos(angles), jnp.sin(angles), jnp.zeros_like(angles)], axis=1)
    own = jnp.zeros(1, jnp.int32)
    losses = jax.vmap(lambda embedding: loss(embedding[None], own, prototypes))(embeddings)
    return np.asarray(-jnp.expm1(-losses))


def half_angle(loss) -> float:
    """Return the angle in degrees at which half of the pull remains."""
    fine = np.linspace(0.0, 90.0, 9001)
    return float(np.interp(0.5, remaining_pull(loss, fine), fine))


def draw_margins(losses: Mapping = LOSSES) -> Figure:
    """Draw the remaining pull of each loss over the angle, with the angle at which half remains.

    Args:
      losses: the losses by the label of their line.
    """
    figure = new_figure(7.6, 3.2)
    axes = figure.subplots()
    for (label, loss), colour in zip(losses.items(), COLOURS, strict=False):
        axes.plot(_DEGREES, remaining_pull(loss, _DEGREES), color=colour, label=label)
        half = half_angle(loss)
        axes.plot(half, 0.5, "o", color=colour, markersize=5)
        axes.annotate(f"{half:.0f}°", (half, 0.5), (6, -4), textcoords="offset points", color=colour)
    axes.axhline(0.5, color=GREY, linestyle=":", linewidth=1.0)
    axes.set(
        xlim=(0, 90), ylim=(0, 1.03), xlabel="angle between an image and the prototype of its identity, degrees",
        title="How much an image is still pulled",
    )  # fmt: skip
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
