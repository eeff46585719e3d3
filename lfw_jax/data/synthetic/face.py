"""Drawing the face: neck, ears, head, eyes, brows, nose and mouth."""

import numpy as np
from jaxtyping import Float

from lfw_jax.data.synthetic.camera import Canvas, Points, Points3, curve, ellipse, mix, times
from lfw_jax.data.synthetic.identity import Identity
from lfw_jax.data.synthetic.nuisance import Nuisance

_LINE = (70.0, 38.0, 30.0)
_EYE_WHITE = (232.0, 228.0, 222.0)


def head_outline(identity: Identity, chin_drop: float = 0.0) -> Points3:
    """Return the outline of the bare head, clockwise from the top, with the chin in front."""
    width, height = identity.head_width, identity.head_height
    chin = identity.chin_length + chin_drop
    right = [
        (0.58, -1.36 * height),
        (0.92, -0.88 * height),
        (1.0, -0.3),
        (identity.cheek, 0.22),
        (identity.jaw, 0.72 + 0.3 * chin_drop),
        (identity.chin_width, chin - 0.07),
    ]
    knots = [(0.0, -1.47 * height), *right, (0.0, chin), *((-x, y) for x, y in reversed(right))]
    outline = curve(np.array(knots) * (width, 1), closed=True)
    return np.column_stack((outline, 0.5 * np.clip((outline[:, 1] - 0.2) / 1.1, 0, 1)))


def draw_bust(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    """Draw neck, shoulders and clothes, which stay upright when the head turns."""
    half, shadow = 0.5 + 0.16 * identity.jaw, times(identity.skin, 0.72)
    neck = np.array([(-half, 0.5), (half, 0.5), (half + 0.06, 1.9), (0.0, 2.25), (-half - 0.06, 1.9)])
    shoulders = curve([(-3.2, 4.0), (-2.2, 2.15), (-half - 0.05, 1.62), (half + 0.05, 1.62), (2.2, 2.15), (3.2, 4.0)])
    canvas.fill(shoulders, nuisance.clothes[0], head=False, upright=True)
    canvas.fill(neck, shadow, skin=True, head=False, upright=True)
    for side in (-1, 1):
        collar = np.array([(side * (half + 0.1), 1.45), (side * 0.08, 2.2), (side * (half + 0.2), 2.3)])
        canvas.fill(collar, nuisance.clothes[1], head=False, upright=True)


def draw_ears(canvas: Canvas, identity: Identity) -> None:
    """Draw the ears, to be covered by the head."""
    for side in (-1, 1):
        centre = (side * (identity.head_width * 0.97 + identity.ear_out * 0.6), 0.1)
        for share, shade in ((1.0, 0.93), (0.6, 0.75)):
            ear = ellipse(centre, (share * (0.09 + 0.6 * identity.ear_out), share * identity.ear_size))
            canvas.fill(np.column_stack((ear, np.full(len(ear), -0.1))), times(identity.skin, shade), skin=True)


def draw_face(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    """Draw the head with all features except hair."""
    canvas.fill(head_outline(identity, chin_drop=0.12 * nuisance.mouth_open), identity.skin, skin=True)
    if identity.beard_length:
        _draw_long_beard(canvas, identity, nuisance)
    _draw_nose(canvas, identity)
    for side in (-1, 1):
        _draw_eye(canvas, identity, nuisance, side)
        _draw_brow(canvas, identity, nuisance, side)
    _draw_mouth(canvas, identity, nuisance)
    for x, y, radius in identity.moles:
        canvas.fill(ellipse((x, y), (radius, radius), 10), mix(identity.skin, (58, 34, 26), 0.75))
    if identity.freckle_density:
        spots = np.random.default_rng(identity.freckle_pattern)
        for _ in range(round(34 * identity.freckle_density)):
            x, y = spots.normal(0, 0.36), spots.normal(0.2, 0.14)
            canvas.fill(ellipse((x, y), (0.016, 0.016), 6), mix(identity.skin, (150, 84, 48), 0.5), skin=True)


def _draw_eye(canvas: Canvas, identity: Identity, nuisance: Nuisance, side: int) -> None:
    half, centre = identity.eye_width, np.array((side * identity.eye_spacing, identity.eye_y))
    opening = identity.eye_opening * (1 - nuisance.eye_closed) + 0.006
    along = np.linspace(-1, 1, 17)

    def lids(x: Float[np.ndarray, "points"]) -> tuple[Float[np.ndarray, "points"], Float[np.ndarray, "points"]]:
        """Return the upper and lower lid at x (-1 to 1, left to right), relative to the eye."""
        slope = identity.eye_tilt * -side * x
        round_shape = np.maximum(0, 1 - x**2)
        return slope - opening * round_shape**0.75, slope + 0.55 * opening * round_shape

    upper, lower = lids(along)
    corners = centre + np.column_stack((half * along, upper))
    outline = np.concatenate((corners, centre + np.column_stack((half * along, lower))[::-1]))
    canvas.fill(outline, mix(_EYE_WHITE, identity.skin, 0.15))
    gaze = np.array((0.07 * nuisance.gaze[0], 0.03 * nuisance.gaze[1] - 0.015))
    for radius, colour in ((0.094, times(identity.iris, 0.6)), (0.08, identity.iris), (0.038, (14.0, 12.0, 14.0))):
        disc = ellipse((float(gaze[0]), float(gaze[1])), (radius, radius), 20)
        x = np.clip(disc[:, 0] / half, -1, 1)
        disc[:, 1] = np.clip(disc[:, 1], *lids(x))
        canvas.fill(centre + disc, colour)
    if opening > 0.04:
        canvas.fill(
            centre + ellipse((float(gaze[0]) + 0.025, float(gaze[1]) - 0.03), (0.016, 0.016), 8), (250, 250, 250)
        )
    canvas.stroke(corners, mix(_LINE, (20, 14, 12), 0.6), identity.lash_width)
    fold = centre + np.column_stack((half * 1.05 * along, upper - 0.045 - 0.04 * (1 - along**2)))
    canvas.stroke(fold, mix(identity.skin, times(identity.skin, 0.55), identity.eye_hood), 0.025)
    below = centre + np.column_stack((half * along, lower))
    canvas.stroke(below, times(identity.skin, 0.72), 0.018)
    if identity.age > 0.45:
        bag = centre + np.column_stack((half * along, lower + 0.07 + 0.02 * (1 - along**2)))
        canvas.stroke(bag, times(identity.skin, 1 - 0.3 * (identity.age - 0.35)), 0.025)


def _draw_brow(canvas: Canvas, identity: Identity, nuisance: Nuisance, side: int) -> None:
    t = np.linspace(0, 1, 12)
    x = identity.eye_spacing - 0.24 + t * (2 * identity.brow_length - 0.06)
    y = identity.eye_y - identity.brow_gap - nuisance.brow_raise - identity.brow_arch * np.sin(np.pi * t**1.3)
    y = y + identity.brow_tilt * (t - 0.5)
    thickness = 0.5 * identity.brow_thickness * (1 - t**2.5) * np.minimum(1, 0.55 + 2.5 * t) + 0.006
    upper, lower = np.column_stack((side * x, y - thickness)), np.column_stack((side * x, y + thickness))
    canvas.fill(np.concatenate((upper, lower[::-1])), mix(identity.brow, identity.skin, 0.2))


def _draw_long_beard(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    """Draw the part of a beard below the chin; `light` colours the part on the face."""
    low = identity.chin_length + 0.12 * nuisance.mouth_open + identity.beard_length
    wide = identity.head_width * identity.jaw
    knots = [(-wide, 0.7), (-0.8 * wide, low - 0.3), (0, low), (0.8 * wide, low - 0.3), (wide, 0.7), (0, 1.1)]
    beard = curve(knots, closed=True)
    canvas.fill(np.column_stack((beard, np.full(len(beard), 0.5))), times(identity.hair, 0.85))


def _draw_nose(canvas: Canvas, identity: Identity) -> None:
    """Nostrils and wings; the bridge and tip are the light's work."""
    base = identity.eye_y + identity.nose_length
    stand_out = 0.22
    for side in (-1, 1):
        wing = curve(
            [
                (side * identity.nose_width * 0.82, base - 0.13),
                (side * identity.nose_width, base - 0.03),
                (side * identity.nose_width * 0.8, base + 0.035),
            ]
        )
        canvas.stroke(canvas.camera.lift(wing, 0.5 * stand_out), times(identity.skin, 0.66), 0.03)
        nostril = ellipse((side * identity.nose_width * 0.48, base + 0.02), (identity.nose_width * 0.27, 0.028), 12)
        canvas.fill(canvas.camera.lift(nostril, stand_out), mix(identity.skin, _LINE, 0.75))
    tip = curve([(-0.3 * identity.nose_width, base + 0.04), (0, base + 0.06), (0.3 * identity.nose_width, base + 0.04)])
    canvas.stroke(canvas.camera.lift(tip, stand_out), times(identity.skin, 0.7), 0.025)


def _draw_mouth(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    width = identity.mouth_width * (1 + 0.16 * nuisance.smile)
    y, corner = identity.mouth_y, -0.085 * nuisance.smile
    gap = 0.17 * nuisance.mouth_open + (0.035 * max(0.0, nuisance.smile - 0.55) / 0.45)
    x = np.linspace(-1, 1, 21)
    arc = np.maximum(0, 1 - x**2)
    line = y + corner * x**2
    bow = identity.lip_bow * np.exp(-((x / 0.16) ** 2))
    top = line - identity.upper_lip * arc**0.8 + bow - 0.25 * gap * arc
    bottom = line + identity.lower_lip * arc**0.7 + gap * arc**0.6

    def between(upper: Float[np.ndarray, "points"], lower: Float[np.ndarray, "points"]) -> Points:
        across = width * x
        return np.concatenate((np.column_stack((across, upper)), np.column_stack((across, lower))[::-1]))

    canvas.fill(between(top, line + 0.2 * gap * arc), times(identity.lips, 0.88))
    canvas.fill(between(line + 0.1 * gap * arc, bottom), identity.lips)
    if gap > 0.02:
        inner_top, inner_bottom = line - 0.25 * gap * arc, line + gap * arc**0.6
        canvas.fill(between(inner_top, inner_bottom), (52, 18, 20))
        teeth = np.minimum(inner_bottom, inner_top + 0.075 * np.sqrt(arc))
        canvas.fill(between(inner_top, teeth), (226, 220, 206))
    else:
        canvas.stroke(np.column_stack((width * x, line)), times(identity.lips, 0.5), 0.022)
    depth = 0.25 * (identity.age - 0.2) + 0.12 * max(0.0, nuisance.smile)
    if depth > 0.02:
        for side in (-1, 1):
            fold = curve([(side * (identity.nose_width + 0.05), y - 0.3), (side * (width + 0.09), y - 0.05)])
            canvas.stroke(fold, times(identity.skin, 1 - depth), 0.03)
