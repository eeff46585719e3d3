"""Drawing one image from the parameters of its identity and of the photograph."""

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFilter

from lfw_jax.data.synthetic import face, hair, light, occlusion
from lfw_jax.data.synthetic.camera import SUPERSAMPLE, Camera, Canvas
from lfw_jax.data.synthetic.identity_sampling import draw_identity
from lfw_jax.data.synthetic.nuisance import Nuisance, draw_nuisance

_MOST_SHAPES = 9


def draw(seed: int, person: int, image: int, side: int) -> UInt8[np.ndarray, "side side 3"]:
    """Draw an image: a pure function of the arguments.

    A larger set therefore begins with the images of a smaller one.

    Args:
      seed: the seed of the set.
      person: the index of the identity, from 0.
      image: the number of the image, from 1 as in file names.
      side: the side of the image in pixels.

    Returns:
      The pixels.
    """
    nuisance, rng = _photograph(seed, person, image)
    identity = draw_identity(seed, person)
    camera = Camera(identity, nuisance, SUPERSAMPLE * side)
    canvas = Canvas(draw_background(rng, SUPERSAMPLE * side), camera)
    hair.draw_hair_behind(canvas, identity, nuisance)
    face.draw_bust(canvas, identity, nuisance)
    face.draw_ears(canvas, identity)
    face.draw_face(canvas, identity, nuisance)
    hair.draw_hair(canvas, identity, nuisance)
    occlusion.draw_occlusion(canvas, identity, nuisance)
    photo = np.asarray(canvas.picture.reduce(SUPERSAMPLE)).transpose(2, 0, 1).astype(np.float32, order="C")
    skin, on_head = (
        np.asarray(mask.reduce(SUPERSAMPLE), dtype=np.float32) / 255 for mask in (canvas.skin, canvas.head)
    )
    lit = light.shine(photo, skin, on_head, camera, identity, nuisance)
    return light.expose(lit, nuisance, rng)


def draw_background(rng: np.random.Generator, pixels: int) -> Image.Image:
    """Draw a blurred background of side `pixels`: a colour gradient with random shapes."""
    base = rng.uniform(20, 225) + rng.normal(0, 28, size=3)
    patches = rng.normal(0, 1, size=(4, 4, 1)) + 0.5 * rng.normal(0, 1, size=(4, 4, 3))
    grid = np.clip(base + rng.uniform(8, 45) * patches, 0, 255)
    small = pixels // 2  # half size is enough for a blurred image, and costs a quarter
    picture = Image.fromarray(grid.astype(np.uint8)).resize((small, small), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(0, _MOST_SHAPES + 1))):
        colour = np.clip(base + rng.normal(0, 50) + rng.normal(0, 25, size=3), 0, 255).astype(int)
        red, green, blue = colour.tolist()
        x, y = rng.uniform(-0.1, 1.1, size=2) * small
        width, height = rng.uniform(0.04, 0.45, size=2) * small
        angle = rng.uniform(0, np.pi)
        match int(rng.integers(3)):
            case 0:
                pen.ellipse((x - width, y - height, x + width, y + height), fill=(red, green, blue))
            case 1:
                corners = np.array([(-width, -height), (width, -height), (width, height), (-width, height)])
                turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
                pen.polygon([tuple(corner) for corner in (corners @ turn + (x, y)).tolist()], fill=(red, green, blue))
            case _:
                end = (x + small * np.cos(angle), y + small * np.sin(angle))
                pen.line((x, y, *end), fill=(red, green, blue), width=max(1, int(0.2 * width)))
    focus = small * rng.uniform(0.002, 0.03)
    return picture.filter(ImageFilter.BoxBlur(focus)).resize((pixels, pixels), Image.Resampling.BILINEAR)


def jpeg_quality(seed: int, person: int, image: int) -> int:
    """Return the JPEG quality of an image's file, one of the parameters of its photograph.

    Args:
      seed: the seed of the set.
      person: the index of the identity, from 0.
      image: the number of the image, from 1.
    """
    return _photograph(seed, person, image)[0].jpeg_quality


def _photograph(seed: int, person: int, image: int) -> tuple[Nuisance, np.random.Generator]:
    """Return the parameters of a photograph, and the generator for its background and noise."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, 2, person, image)))
    return draw_nuisance(rng), rng
