"""The feed of a training: batches from streamed, decoded or resident images.

All three storages give the same batches, bit for bit.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from jaxtyping import Int

from lfw_jax.data.batches.loading import decode_all, stream
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.training.devices import Devices, place_copies
from lfw_jax.training.loop import Batch
from lfw_jax.training.resident import ResidentStep, check_room, resident_batches, resident_step
from lfw_jax.training.step import Step

Storage = Literal["streamed", "decoded", "resident"]


@dataclasses.dataclass(frozen=True, eq=False)
class Feed:
    """The training set as a source of batches.

    Attributes:
      images: the training set.
      indices: the sampler: a function from a step to the indices of its images. Several threads may call it ahead of time.
      geometry: the crop of each image and its size in pixels.
      devices: the devices to train on; their number divides the batch size.
      storage: the storage of decoded images. "streamed": none; each batch is decoded when it is needed. "decoded": host memory;
        images are decoded once. "resident": the memory of each device, so that the host sends no images.
      loader: one of `lfw_jax.data.batches.loading.LOADERS`.

    Raises:
      UserError: `storage` is "resident" and the set does not fit into the memory of the devices.
    """

    images: ImageSet
    indices: Callable[[int], Int[np.ndarray, "batch"]]
    geometry: CropGeometry
    devices: Devices
    storage: Storage = "streamed"
    loader: str = "auto"

    def __post_init__(self):
        if self.storage == "resident":
            check_room(len(self.images), self.geometry.stored_side, self.devices)

    def adapt(self, step: Step) -> Step | ResidentStep:
        """Return the step in the form that accepts the items of `batches`.

        Args:
          step: the per-device step, which takes images and labels.
        """
        return resident_step(step) if self.storage == "resident" else step

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Yield the arguments of each step, besides the state.

        Args:
          start: the first step.
          stop: the step after the last one.

        Yields:
          Images `[batch, stored, stored, 3]` and labels `[batch]`; for a resident set, the items of `resident_batches`.

        Raises:
          UserError: the loader is not available, or an image cannot be read or decoded.
        """
        if self.storage == "streamed":
            yield from self._streamed(self.images, self.geometry, start, stop)
            return
        pixels = decode_all(self.images, self.geometry, loader=self.loader)
        if self.storage == "decoded":
            images = dataclasses.replace(self.images, images=pixels, storage="pixels")
            yield from self._streamed(images, CropGeometry(self.geometry.stored_side), start, stop)
            return
        kept = place_copies((pixels, self.images.labels), self.devices)
        del pixels
        yield from resident_batches(kept, self.indices, start=start, stop=stop, devices=self.devices)

    def _streamed(self, images: ImageSet, geometry: CropGeometry, start: int, stop: int) -> Iterator[Batch]:
        sampled: dict[int, np.ndarray] = {}  # each step is sampled only once, for its images and its labels

        def indices(step: int) -> np.ndarray:
            sampled[step] = self.indices(step)
            return sampled[step]

        pixels = stream(images, indices, start=start, stop=stop, geometry=geometry, loader=self.loader)
        for step, batch in zip(range(start, stop), pixels, strict=True):
            yield batch, images.labels[sampled.pop(step)]


def storage_of(*, keep_decoded: bool, resident: bool) -> Storage:
    """Return the storage that `config.data` asks for; `resident` has precedence over `keep_decoded`.

    Args:
      keep_decoded: `config.data.keep_decoded`.
      resident: `config.data.resident`.
    """
    return "resident" if resident else "decoded" if keep_decoded else "streamed"
