"""Files of TensorBoard's embedding projector: embeddings of images, with names and faces."""

from pathlib import Path

import numpy as np
from jaxtyping import Int, Shaped, UInt8
from PIL import Image

from lfw_jax.atomic_files import written_atomically
from lfw_jax.evaluation.embeddings import EmbeddedImages

AT_MOST = 1_000
"""The greatest number of images that are projected."""

_SIDE = 32  # of a face on the sheet; 1,000 faces need 1,024 of the 8,192 pixels that browsers allow
_CONFIG = "projector_config.pbtxt"  # the name that TensorBoard looks for
_TENSORS, _METADATA, _SPRITE = "projector_tensors.tsv", "projector_metadata.tsv", "projector_sprite.png"


def write_projector(
    folder: Path,
    images: EmbeddedImages,
    pixels: UInt8[np.ndarray, "images height width 3"],
    *,
    step: int,
    at_most: int = AT_MOST,
) -> None:
    """Write embeddings of images for TensorBoard's projector, in place of earlier ones.

    Embeddings have unit length, so that neighbours in the projector are neighbours in verification.

    Args:
      folder: the folder of the event files of the run.
      images: the embedded images.
      pixels: the images themselves, in the same order.
      step: the step of the evaluated checkpoint, which is part of the name in the projector.
      at_most: the greatest number of images, see `projected`.

    Raises:
      UserError: the files cannot be written.
      ValueError: the numbers of images and embeddings differ.
    """
    if len(pixels) != len(images):
        raise ValueError(f"projector: found {len(pixels)} images and {len(images)} embeddings, expected as many")
    chosen = projected(images.identities, at_most=at_most)
    vectors = images.embeddings[chosen].astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    rows = [("identity", "number"), *((images.identities[i], images.numbers[i]) for i in chosen)]
    table = "".join(f"{_one_cell(name)}\t{number}\n" for name, number in rows)
    # The configuration is renamed last, so that it never names a file that does not exist.
    names = (_TENSORS, _METADATA, _SPRITE, _CONFIG)
    with written_atomically(*(folder / name for name in names), replace=True) as (tensors, metadata, sprite, config):
        np.savetxt(tensors, vectors, fmt="%.9g", delimiter="\t")
        metadata.write_text(table, encoding="utf-8", newline="\n")
        Image.fromarray(sprite_sheet(pixels[chosen])).save(sprite, format="PNG")
        config.write_text(_configuration(step), encoding="utf-8")


def projected(identities: Shaped[np.ndarray, "images"], *, at_most: int) -> Int[np.ndarray, "chosen"]:
    """Return the indices, rising, of the images to project: all images of some identities.

    Identities with more images come first, and those with equally many in the order of their names. An identity that would
    exceed the limit is passed over. If each has more images than the limit, the first images of the smallest are returned.

    Args:
      identities: name of the identity of each image.
      at_most: the greatest number of images.
    """
    _, labels, counts = np.unique(identities, return_inverse=True, return_counts=True)
    chosen, left = [], at_most
    for label in np.argsort(-counts, kind="stable").tolist():
        if counts[label] <= left:
            chosen.append(label)
            left -= counts[label]
    if not chosen:
        return np.flatnonzero(labels == np.argmin(counts))[:at_most]
    return np.flatnonzero(np.isin(labels, chosen))


def sprite_sheet(images: UInt8[np.ndarray, "images height width 3"]) -> UInt8[np.ndarray, "side side 3"]:
    """Return thumbnails of images, row by row, on the smallest square sheet; what is left is black.

    Args:
      images: the images; those that are not square are distorted.
    """
    columns = int(np.ceil(np.sqrt(len(images))))
    sheet = np.zeros((columns * _SIDE, columns * _SIDE, 3), np.uint8)
    for index, image in enumerate(images):
        top, left = _SIDE * (index // columns), _SIDE * (index % columns)
        small = Image.fromarray(image).resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        sheet[top : top + _SIDE, left : left + _SIDE] = np.asarray(small)
    return sheet


def _configuration(step: int) -> str:
    return f"""embeddings {{
  tensor_name: "test_images_step_{step}"
  tensor_path: "{_TENSORS}"
  metadata_path: "{_METADATA}"
  sprite {{
    image_path: "{_SPRITE}"
    single_image_dim: {_SIDE}
    single_image_dim: {_SIDE}
  }}
}}
"""


def _one_cell(text: str) -> str:
    """Return a text with tabs, line breaks and other characters that are not printable as escapes such as \\\\t."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
