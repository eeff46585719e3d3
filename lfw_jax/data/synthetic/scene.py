"""What is behind the person: gradients and clutter that say nothing about who it is."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

_MOST_SHAPES = 9


def draw_background(rng: np.random.Generator, pixels: int) -> Image.Image:
    """A background of `pixels` × `pixels`: a coarse colour gradient, shapes on it, out of focus."""
    base = rng.uniform(20, 225) + rng.normal(0, 28, size=3)
    patches = rng.normal(0, 1, size=(4, 4, 1)) + 0.5 * rng.normal(0, 1, size=(4, 4, 3))
    grid = np.clip(base + rng.uniform(8, 45) * patches, 0, 255)
    small = pixels // 2  # half size: it ends up out of focus, and costs a quarter
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
