"""The photos that a mode skipped, on the terminal."""

from collections.abc import Sequence

from lfw_jax.inference.model.embedding_table import SkippedPhoto

_SHOWN = 5


def skipped_lines(skipped: Sequence[SkippedPhoto], listed: str) -> list[str]:
    """Return the photos that could not be embedded, with the reasons; of many, the first.

    Args:
      skipped: the photos.
      listed: what lists all of them, as in "which --json lists".
    """
    lines = [f"skipped {one.source}: {one.reason}" for one in skipped[:_SHOWN]]
    return lines + ([f"… and {len(skipped) - _SHOWN:,} others, {listed}"] if len(skipped) > _SHOWN else [])
