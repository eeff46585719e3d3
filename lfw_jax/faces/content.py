"""Digests of the content of images, which tell whether an image changed since it was aligned."""

import hashlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from lfw_jax.data.decoding.file_reading import read_file


def read_content(image: Path | bytes | UInt8[np.ndarray, "h w 3"]) -> bytes | UInt8[np.ndarray, "h w 3"]:
    """Return the content of a file; bytes and pixels are returned unchanged.

    Raises:
      OSError: the file cannot be read.
    """
    return read_file(image) if isinstance(image, Path) else image


def content_digest(content: bytes | UInt8[np.ndarray, "h w 3"]) -> str:
    """Return the digest of a file's content, or of pixels, as 16 hexadecimal digits.

    Example:
      >>> content_digest(b"")
      'e4a6a0577479b2b4'
    """
    return hashlib.blake2b(_buffer(content), digest_size=8).hexdigest()


def full_digest(content: bytes | UInt8[np.ndarray, "h w 3"]) -> bytes:
    """Return the digest of a file's content, or of pixels, as 64 bytes."""
    return hashlib.blake2b(_buffer(content)).digest()


def _buffer(content: bytes | UInt8[np.ndarray, "h w 3"]) -> bytes | memoryview:
    return content if isinstance(content, bytes) else np.ascontiguousarray(content).data
