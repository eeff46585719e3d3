"""The projection of a head to the image, and a canvas that is drawn on in head coordinates.

Head coordinates: the origin is in the middle of the head between eyes and nose, x points to the viewer's right, y down, z
towards the viewer, and 1 is about half the width of a face. The head is approximately an ellipsoid; features given by x and y
lie on its surface.
"""

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from lfw_jax.data.synthetic.identity import Identity
from lfw_jax.data.synthetic.nuisance import Nuisance

SUPERSAMPLE = 2
"""The factor by which shapes are drawn larger and then averaged down, as Pillow does not antialias."""

Points = Float[np.ndarray, "points 2"]
Points3 = Float[np.ndarray, "points 3"]

_FACE_SHARE = 0.212  # of the image's side: the width of a face is 40 to 45 % of it, as in LFW
_CENTRE = (0.5, 0.5)


class Camera:
    """An orthographic camera: the pose of a head and its position in an image of `side` pixels."""

    def __init__(self, identity: Identity, nuisance: Nuisance, side: float):
        self.side = side
        self.unit = _FACE_SHARE * side * nuisance.scale
        self.centre = side * (np.array(_CENTRE) + nuisance.shift)
        self.radii = np.array((identity.head_width * 1.06, 1.5 * identity.head_height, 1.0))
        sin, cos = np.sin, np.cos
        yaw, pitch, roll = nuisance.yaw, nuisance.pitch, nuisance.roll
        turn = np.array([(cos(yaw), 0, sin(yaw)), (0, 1, 0), (-sin(yaw), 0, cos(yaw))])
        nod = np.array([(1, 0, 0), (0, cos(pitch), -sin(pitch)), (0, sin(pitch), cos(pitch))])
        tilt = np.array([(cos(roll), -sin(roll), 0), (sin(roll), cos(roll), 0), (0, 0, 1)])
        self.pose: Float[np.ndarray, "3 3"] = nod @ turn
        self.rotation: Float[np.ndarray, "3 3"] = tilt @ self.pose
        self.tilt: Float[np.ndarray, "3 3"] = tilt

    def lift(self, points: Points, forward: float = 0.0) -> Points3:
        """Project points along z onto the head, or `forward` in front of it; beside the head, z is 0."""
        return np.column_stack((points, self.depth(points[:, 0], points[:, 1]) + forward))

    def depth(self, x: Float[np.ndarray, "..."], y: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return the z of the front of the head at x, y."""
        width, height, depth = self.radii.tolist()
        return depth * np.sqrt(np.maximum(0, 1 - (x / width) ** 2 - (y / height) ** 2))

    def project(self, points: Points | Points3) -> Points:
        """Return the pixel positions of points in head coordinates; points without z are on the head."""
        in_space = self.lift(points) if points.shape[1] == 2 else points
        return (in_space @ self.rotation.T)[:, :2] * self.unit + self.centre

    def upright(self, points: Points) -> Points:
        """Return the pixel positions of points that ignore the pose of the head."""
        return points * self.unit + self.centre

    def head_map(self, side: int) -> tuple[Float[np.ndarray, "3 side side"], Float[np.ndarray, "3 side side"]]:
        """Return the head and view coordinates of the surface at each pixel of an image of `side` pixels.

        View coordinates are those of the camera, in head units from the centre of the head and with the roll undone; normals are
        derived from them. Beside the head, z is 0.
        """
        unit, centre = self.unit * side / self.side, self.centre * side / self.side
        along = np.arange(side) + 0.5
        x = ((along - centre[0]) / unit).astype(np.float32)[None, :]
        y = ((along - centre[1]) / unit).astype(np.float32)[:, None]
        tilt, back = self.tilt.astype(np.float32), self.pose.T.astype(np.float32)
        x, y = tilt[0, 0] * x + tilt[1, 0] * y, tilt[0, 1] * x + tilt[1, 1] * y
        view = np.stack((x, y, self.depth(x, y)))
        head = np.stack([row[0] * view[0] + row[1] * view[1] + row[2] * view[2] for row in back])
        return head, view


class Canvas:
    """An image being drawn, with masks of the visible skin and of the head with hair and hat."""

    def __init__(self, picture: Image.Image, camera: Camera):
        self.camera = camera
        self.picture = picture
        self.skin = Image.new("L", picture.size, 0)
        self.head = Image.new("L", picture.size, 0)
        self._pens = [ImageDraw.Draw(layer) for layer in (self.picture, self.skin, self.head)]

    def fill(
        self,
        points: Points | Points3,
        colour: tuple[float, float, float],
        *,
        skin: bool = False,
        head: bool = True,
        upright: bool = False,
    ) -> None:
        """Fill a polygon in the image and in the masks.

        Args:
          points: the corners in head coordinates.
          colour: red, green and blue, from 0 to 255.
          skin: the new value of the skin mask.
          head: the new value of the head mask.
          upright: whether the polygon ignores the pose of the head.
        """
        pixels = self.camera.upright(points[:, :2]) if upright else self.camera.project(points)
        flat = [tuple(pixel) for pixel in pixels.tolist()]
        for pen, ink in zip(self._pens, (whole(colour), 255 * skin, 255 * head), strict=True):
            pen.polygon(flat, fill=ink)

    def stroke(self, points: Points | Points3, colour: tuple[float, float, float], width: float) -> None:
        """Draw a line of `width` head units; the masks do not change."""
        flat = [tuple(pixel) for pixel in self.camera.project(points).tolist()]
        pixels = max(1, round(width * self.camera.unit))
        self._pens[0].line(flat, fill=whole(colour), width=pixels, joint="curve")


def whole(colour: tuple[float, float, float]) -> tuple[int, int, int]:
    """Return a colour as integers from 0 to 255 for Pillow."""
    red, green, blue = (min(255, max(0, round(value))) for value in colour)
    return red, green, blue


def times(colour: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    """Return a colour multiplied by a factor."""
    red, green, blue = colour
    return red * factor, green * factor, blue * factor


def mix(one: tuple[float, float, float], other: tuple[float, float, float], share: float) -> tuple[float, float, float]:
    """Interpolate linearly between two colours: 0 gives `one`, 1 gives `other`."""
    red, green, blue = (a + share * (b - a) for a, b in zip(one, other, strict=True))
    return red, green, blue


def ellipse(centre: tuple[float, float], radii: tuple[float, float], corners: int = 28) -> Points:
    """Return the corners of a polygon that approximates an ellipse."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.column_stack((centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle)))


def curve(knots: object, steps: int = 8, *, closed: bool = False) -> Points:
    """Return a Catmull-Rom spline through the knots, with `steps` points per segment."""
    at = np.asarray(knots, dtype=np.float64)
    around = np.concatenate((at[-1:], at, at[:2])) if closed else np.concatenate((at[:1], at, at[-1:]))
    before, start, end, after = (around[i : len(around) - 3 + i, None] for i in range(4))
    t = np.arange(steps)[None, :, None] / steps
    points = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    points = points.reshape(-1, at.shape[1])
    return points if closed else np.concatenate((points, at[-1:]))
