"""TensorBoard event files, written without TensorFlow."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, SupportsFloat

import numpy as np
from jaxtyping import Bool, Float, Num, UInt8
from matplotlib.figure import Figure
from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

from lfw_jax.evaluation.distance_range import distance_range, have_common_range
from lfw_jax.report.style import figure_pixels

_FLUSH_SECONDS = 10
_FILES = "events.out.tfevents.*"
_GREATEST_DISTANCE = 2.0  # between unit embeddings


class TensorBoard:
    """Writer of the TensorBoard events of a run, from scalars to hyperparameters.

    Close it, or use it in a `with` block.

    Args:
      directory: folder of the event files; created if missing.
      purge_step: on resumption, the first step that this run writes again. Everything that an earlier run wrote at that step
        or later is hidden, so that the curves continue from the checkpoint without overlap. Not used with `part`.
      part: name of a part of the run that is written again as a whole, such as "evaluation"; "" for none. On closing, the
        files of the same part are removed. If the `with` block fails, they stay, and the new file is removed.
    """

    def __init__(self, directory: str | Path, *, purge_step: int = 0, part: str = ""):
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        # The writer names a file by the second and truncates it: a run that resumes in the same second would lose the
        # earlier file. The number keeps the names distinct, and sorted in the order in which TensorBoard must read them.
        earlier = sum(1 for _ in directory.glob(_FILES))
        self._replaced = frozenset(directory.glob(f"{_FILES}.{part}")) if part else frozenset()
        # A purge step is written for the first run too: TensorBoard takes the first one that it reads as the start of all,
        # and hides nothing because of it.
        self._writer = SummaryWriter(
            str(directory),
            purge_step=None if part else purge_step,
            flush_secs=_FLUSH_SECONDS,
            filename_suffix=f".{earlier:04d}" + (f".{part}" if part else ""),
        )
        self._written = frozenset(directory.glob(f"{_FILES}.{part}")) - self._replaced if part else frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._replaced = self._written
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

    def pr_curve(
        self, step: int, tag: str, distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]
    ) -> None:
        """Write the precision-recall curve of pairs, "same identity" being the positive label.

        TensorBoard's thresholds are 127 equally spaced values of a score in [0, 1]. The score is 1 − distance / 2, so that a
        threshold t of TensorBoard accepts distances up to 2 · (1 − t). Scores that are no distances of unit embeddings fill
        [0, 1] with their own range.

        Args:
          step: the step of the curve.
          tag: its tag.
          distances: the distance of each pair.
          same: true where both images show one identity.
        """
        distances = np.asarray(distances, np.float64)
        low, high = distance_range(distances)
        if have_common_range(distances):
            high = _GREATEST_DISTANCE
        scores = np.clip((high - distances) / (high - low), 0.0, 1.0)
        self._writer.add_pr_curve(tag, np.asarray(same, np.bool_), scores, step)

    def hyperparameters(self, step: int, options: Mapping[str, Any], metrics: Collection[str]) -> None:
        """Write the hyperparameters of the run, as one row of TensorBoard's table.

        Args:
          step: the step of the evaluated checkpoint.
          options: the options by their names. Numbers, booleans and texts keep their types, None is left out, and
            everything else is written as JSON.
          metrics: the tags of the scalars whose last values stand beside them.
        """
        plain = {
            name: value if isinstance(value, bool | int | float | str) else json.dumps(value)
            for name, value in options.items()
            if value is not None
        }
        writer = self._writer.file_writer
        assert writer is not None
        for summary in hparams(plain, dict.fromkeys(metrics)):
            writer.add_summary(summary, step)

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
        """Write buffered events, close the file and remove those it replaces. Closing twice does no harm."""
        self._writer.close()
        for path in self._replaced:
            path.unlink(missing_ok=True)
