"""Drawing hair, behind and on the head."""

import numpy as np

from lfw_jax.data.synthetic.camera import Canvas, Points, Points3, curve, times
from lfw_jax.data.synthetic.identity import Identity
from lfw_jax.data.synthetic.nuisance import Nuisance

_STRANDS = 12


def draw_hair_behind(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    """Draw long hair behind neck and ears."""
    if identity.bald or identity.hair_length < 0.2:
        return
    width = identity.head_width + 0.8 * identity.hair_volume
    end = identity.hair_length
    knots = [(-0.8 * width, end), (-1.04 * width, 0.7 * end), (-width, -0.5), (0, -1.3)]
    knots += [(width, -0.5), (1.04 * width, 0.7 * end), (0.8 * width, end)]
    outline = _waved(curve(knots), identity, nuisance)
    canvas.fill(_standing(outline, -0.3), times(identity.hair, 0.7), head=False)


def draw_hair(canvas: Canvas, identity: Identity, nuisance: Nuisance) -> None:
    """Draw the hair on the head between outline and hairline, with strands."""
    if identity.bald:
        _draw_wreath(canvas, identity)
        return
    width, height = identity.head_width, identity.head_height
    side, top = identity.hair_volume, identity.hair_top
    end = max(-0.1, identity.hair_length)
    reach = width + 0.75 * side
    outer = [(-width - 0.25 * side, end), (-reach, -0.35), (-0.72 * reach, -1.16 * height - 0.75 * top)]
    outer += [(nuisance.hair_shift + 0.1 * identity.parting, -1.46 * height - top)]
    outer += [(-x, y) for x, y in reversed(outer[:3])]
    outer_line = _waved(curve(outer), identity, nuisance)
    inner_line = hairline(identity, nuisance, end)
    outline = np.concatenate((_standing(outer_line, 0.0), canvas.camera.lift(inner_line)[::-1]))
    canvas.fill(outline, identity.hair)
    _draw_strands(canvas, identity, outer_line, inner_line)


def hairline(identity: Identity, nuisance: Nuisance, end: float) -> Points:
    """Return the edge of the hair on the face, from the left cheek over the forehead to the right cheek."""
    x = np.linspace(-1, 1, 25)
    part = float(np.clip(identity.parting + nuisance.hair_shift, -0.8, 0.8))
    # A fringe falls from the parting to both sides. Without a fringe, the temples recede with age.
    hang = identity.fringe * (0.55 + 0.45 * np.abs(x - part)) * (1 - np.abs(x) ** 6)
    wave = 0.04 * identity.hair_wave * np.sin(9 * x + 5 * part)
    temples = -0.16 * identity.age * np.exp(-(((np.abs(x) - 0.55) / 0.2) ** 2)) * (identity.fringe == 0)
    notch = -0.07 * np.exp(-(((x - part) / 0.12) ** 2)) * (identity.fringe > 0)
    y = identity.hairline + 0.32 * np.abs(x) ** 3.2 + hang + wave + temples + notch
    forehead = np.column_stack((0.9 * identity.head_width * x, y))
    inset = 0.9 if end < 0.3 else 0.86
    cheek = [(inset * identity.head_width, 0.5 * (end + y[-1])), (0.97 * identity.head_width, end)]
    left = np.array([(-a, b) for a, b in reversed(cheek)])
    return np.concatenate((left, forehead, np.array(cheek)))


def _draw_wreath(canvas: Canvas, identity: Identity) -> None:
    """Draw the remaining hair above the ears of a bald head."""
    for side in (-1, 1):
        knots = [(1.02, 0.05), (1.05, -0.35), (0.98, -0.65), (0.9, -0.6), (0.93, -0.25)]
        canvas.fill(
            _standing(curve(np.array(knots) * (side * identity.head_width, 1), closed=True), 0.0), identity.hair
        )


def _draw_strands(canvas: Canvas, identity: Identity, outer: Points, inner: Points) -> None:
    """Draw lighter and darker strands from the outline to the hairline."""
    starts = np.linspace(0.24, 0.76, _STRANDS)
    roots = outer[(starts * (len(outer) - 1)).astype(int)] * 0.97
    tips = inner[(starts * (len(inner) - 1)).astype(int)]
    for index, (root, tip) in enumerate(zip(roots, tips, strict=True)):
        bend = 0.5 * (root + tip) + (0.12 * identity.hair_wave * (-1) ** index + 0.1 * identity.parting, -0.04)
        strand = curve([root, bend, tip], 5)
        canvas.stroke(_standing(strand, 0.25), times(identity.hair, 1.22 if index % 2 else 0.8), 0.035)


def _waved(points: Points, identity: Identity, nuisance: Nuisance) -> Points:
    """Return an outline with curls, which vary slightly between photographs."""
    phase = np.arange(len(points)) * (0.9 + 0.5 * identity.hair_wave) + 20 * nuisance.hair_shift
    return points * (1 + 0.055 * identity.hair_wave * np.sin(phase))[:, None]


def _standing(points: Points, z: float) -> Points3:
    return np.column_stack((points, np.full(len(points), z)))
