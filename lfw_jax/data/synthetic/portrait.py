"""One image: from who and how to pixels."""

import numpy as np
from jaxtyping import UInt8

from lfw_jax.data.synthetic import face, hair, lens, light, occlusion, scene
from lfw_jax.data.synthetic.camera import SUPERSAMPLE, Camera, Canvas
from lfw_jax.data.synthetic.identity import draw_identity
from lfw_jax.data.synthetic.nuisance import Nuisance, draw_nuisance


def draw(seed: int, person: int, image: int, side: int) -> UInt8[np.ndarray, "side side 3"]:
    """Image number `image` (from 1, as in file names) of person number `person` (from 0), `side` pixels square.

    A function of its arguments alone, so that a larger set begins with the same images as a smaller one.
    """
    nuisance, rng = _photograph(seed, person, image)
    identity = draw_identity(seed, person)
    camera = Camera(identity, nuisance, SUPERSAMPLE * side)
    canvas = Canvas(scene.draw_background(rng, SUPERSAMPLE * side), camera)
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
    return lens.expose(lit, nuisance, rng)


def jpeg_quality(seed: int, person: int, image: int) -> int:
    """The quality that the image's file is to be written with: a part of its nuisance."""
    return _photograph(seed, person, image)[0].jpeg_quality


def _photograph(seed: int, person: int, image: int) -> tuple[Nuisance, np.random.Generator]:
    """The circumstances of one image, and the stream that its background and grain go on with."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, 2, person, image)))
    return draw_nuisance(rng), rng
