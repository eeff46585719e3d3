"""TensorBoard event files, written without TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, SupportsFloat

import numpy as np
from jaxtyping import Num, UInt8
from matplotlib.figure import Figure
from tensorboardX import SummaryWriter

from lfw_jax.report.style import figure_pixels

_FLUSH_SECONDS = 10


class TensorBoard:
    """Writer of the TensorBoard events of a run: scalars, histograms, images and texts.

    Close it, or use it in a `with` block.

    Args:
      directory: folder of the event files; created if missing.
      purge_step: on resumption, the first step that this run writes again. Everything that an earlier run wrote at that step
        or later is hidden, so that the curves continue from the checkpoint without overlap.
    """

    def __init__(self, directory: str | Path, *, purge_step: int | None = None):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        # The writer names a file by the second and truncates it: a run that resumes in the same second would lose the
        # earlier file. The number keeps the names distinct, and sorted in the order in which TensorBoard must read them.
        earlier = sum(1 for _ in directory.glob("events.out.tfevents.*"))
        self._writer = SummaryWriter(
            str(directory), purge_step=purge_step, flush_secs=_FLUSH_SECONDS, filename_suffix=f".{earlier:04d}"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def scalars(self, step: int, values: Mapping[str, SupportsFloat]) -> None:
        """Write one point per curve. NaN is written unchanged.

        Args:
          step: the step of the points.
          values: the values by their tags, such as `train/loss`.
        """
        for tag, value in values.items():
            self._writer.add_scalar(tag, float(value), step)

    def histogram(self, step: int, tag: str, values: Num[np.ndarray, "..."]) -> None:
        """Write the distribution of the finite values, or nothing if there is none.

        Args:
          step: the step of the histogram.
          tag: its tag.
          values: the values.
        """
        flat = np.asarray(values, dtype=np.float64).ravel()
        flat = flat[np.isfinite(flat)]
        if flat.size:
            self._writer.add_histogram(tag, flat, step)

    def figure(self, step: int, tag: str, figure: Figure) -> None:
        """Write a matplotlib figure as an image.

        Args:
          step: the step of the image.
          tag: its tag.
          figure: the figure, in its own size.
        """
        self.image(step, tag, figure_pixels(figure))

    def image(self, step: int, tag: str, image: UInt8[np.ndarray, "height width channels"]) -> None:
        """Write an image.

        Args:
          step: the step of the image.
          tag: its tag.
          image: 1, 3 or 4 channels.

        Raises:
          ValueError: another shape or dtype.
        """
        image = np.asarray(image)
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] not in (1, 3, 4):
            raise ValueError(
                f"TensorBoard image {tag!r}: expected uint8 [height, width, 1|3|4], found {image.dtype} {image.shape}"
            )
        self._writer.add_image(tag, image, step, dataformats="HWC")

    def text(self, tag: str, text: str) -> None:
        """Write a text, which TensorBoard renders as Markdown.

        Args:
          tag: its tag.
          text: the text; lines that are indented by four spaces keep their layout.
        """
        self._writer.add_text(tag, text, 0)

    def close(self) -> None:
        """Write buffered events and close the file. Closing twice does no harm."""
        self._writer.close()

