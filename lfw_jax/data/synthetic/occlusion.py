"""Drawing occlusions of the face: glasses, a hat, a hand, a scarf or a bar."""

import numpy as np

from lfw_jax.data.synthetic.camera import Canvas, curve, ellipse, mix, times
from lfw_jax.data.synthetic.identity import Identity
from lfw_jax.data.synthetic.nuisance import Nuisance


def draw_occlusion(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    """Draw all occlusions of a photograph."""
    if nuisance.glasses != "none":
        _draw_glasses(canvas, identity, nuisance)
    if nuisance.hat != "none":
        _draw_hat(canvas, identity, nuisance)
    match nuisance.occluder:
        case "hand":
            _draw_hand(canvas, identity, nuisance)
        case "scarf":
            _draw_scarf(canvas, nuisance)
        case "bar":
            _draw_bar(canvas, nuisance)


def _draw_glasses(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    frame = times(nuisance.occluder_colour, 0.45)
    width, height = 0.3 + 0.03 * nuisance.occluder_place[0], 0.2 + 0.06 * nuisance.occluder_place[1]
    for side in (-1, 1):
        centre = (side * max(identity.eye_spacing, width + 0.06), identity.eye_y + 0.03)
        rim = canvas.camera.lift(ellipse(centre, (width, height)), 0.12)
        if nuisance.glasses == "sun":
            canvas.fill(rim, (26, 24, 28))
        canvas.stroke(np.concatenate((rim, rim[:1])), frame, 0.045)
        temple = np.array(
            [(side * (abs(centre[0]) + width), centre[1]), (side * identity.head_width, centre[1] - 0.02)]
        )
        canvas.stroke(temple, frame, 0.04)
    bridge = curve([(-0.1, identity.eye_y), (0, identity.eye_y - 0.05), (0.1, identity.eye_y)], 4)
    canvas.stroke(canvas.camera.lift(bridge, 0.2), frame, 0.04)


def _draw_hat(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    width, top = identity.head_width + 0.14 + 0.5 * identity.hair_volume, -1.72 * identity.head_height
    brim = -0.72 + 0.1 * nuisance.occluder_place[0]
    crown = curve([(-width, brim), (-0.9 * width, -1.25), (0, top), (0.9 * width, -1.25), (width, brim)])
    edge = np.column_stack((np.linspace(-width, width, 21), brim + 0.1 * (1 - np.linspace(-1, 1, 21) ** 2)))
    depth = 1.15 * np.sqrt(np.maximum(0, 1 - (edge[:, 0] / width) ** 2))
    lower = np.column_stack((edge, depth))
    canvas.fill(np.concatenate((np.column_stack((crown, np.zeros(len(crown)))), lower[::-1])), nuisance.hat_colour)
    if nuisance.hat == "beanie":
        upper = lower - (0.0, 0.3, 0.05)
        canvas.fill(np.concatenate((lower, upper[::-1])), times(nuisance.hat_colour, 0.8))
    else:
        peak = lower * (0.92, 1.0, 1.5) + (0.0, 0.12, 0.0)
        peak[:, 1] += 0.1 * (1 - (edge[:, 0] / width) ** 2)
        canvas.fill(np.concatenate((lower, peak[::-1])), times(nuisance.hat_colour, 0.7))


def _draw_hand(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    side = 1 if nuisance.occluder_place[0] > 0 else -1
    x, y = side * (0.72 + 0.15 * nuisance.occluder_place[1]), 0.75 + 0.35 * nuisance.occluder_place[1]
    palm = ellipse((x + 0.15 * side, y + 0.45), (0.36, 0.5))
    canvas.fill(palm, times(identity.skin, 0.95), upright=True)
    for finger in range(4):
        tip = np.array((x - side * 0.22 + side * 0.17 * finger, y - 0.38 + 0.09 * abs(finger - 1.5)))
        root = np.array((x + side * (0.16 * finger - 0.12), y + 0.3))
        across = np.array((0.085, 0.0))
        outline = curve([root - across, tip - across, tip - (0, 0.1), tip + across, root + across])
        shade = mix(times(identity.skin, 0.8), times(identity.skin, 1.05), finger / 3)
        canvas.fill(outline, shade, upright=True)


def _draw_scarf(canvas: Canvas, nuisance: Nuisance) -> None:
    top = 0.62 + 0.3 * nuisance.occluder_place[1]
    knots = [(-1.35, top + 0.25), (-0.6, top + 0.05), (0.5, top), (1.35, top + 0.2), (1.5, 2.1), (0, 2.4), (-1.5, 2.1)]
    canvas.fill(curve(knots, closed=True), nuisance.occluder_colour, upright=True)
    for fold in range(3):
        low = top + 0.35 + 0.32 * fold
        band = curve(
            [(-1.4, low), (0.1, low + 0.22), (1.4, low - 0.05), (1.4, low + 0.04), (0.1, low + 0.3)], closed=True
        )
        canvas.fill(band, times(nuisance.occluder_colour, 0.75), upright=True)


def _draw_bar(canvas: Canvas, nuisance: Nuisance) -> None:
    """Draw a bar between camera and face at any position and angle."""
    x, y = nuisance.occluder_place
    along, across = np.array((np.cos(2 * y), np.sin(2 * y))), np.array((-np.sin(2 * y), np.cos(2 * y)))
    middle, half = np.array((0.8 * x, 0.9 * y)), 0.14 + 0.06 * x
    corners = [middle + 4 * a * along + half * b * across for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    canvas.fill(np.array(corners), nuisance.occluder_colour, head=False, upright=True)
