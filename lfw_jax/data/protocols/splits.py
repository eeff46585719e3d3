"""Splits of a data set into training images, validation pairs, development pairs and test pairs."""

import dataclasses
from collections.abc import Callable, Collection, Mapping

from lfw_jax.data.duplicates.leakage import SharedPicture, without
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import NamedImages, PairList
from lfw_jax.data.protocols.identification_sets import EvaluatedSet


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """The parts of a data set. `training`, `validation` and `test` have no identity in common.

    Attributes:
      training: the training images.
      validation: pairs of held-out identities, for choosing the best checkpoint.
      development: pairs for choosing the reported thresholds; `test` itself for cross-validation over its folds.
      test: pairs for evaluation; nothing else is chosen on them.
      source: all images of the data set; lists without external images refer to them.
      notes: remarks on exclusions and their reasons, for the terminal and the report.
      external: the external images of lists that do not refer to `source`.
      aligned: the lists among these whose images are tightly cropped, aligned faces.
      excluded: the identities excluded from training, each with the list that names it, perhaps in another spelling.
      unnamed: the lists whose identities are unknown: there, two names may mean one identity.
    """

    training: ImageSet
    validation: PairList
    development: PairList
    test: PairList
    source: ImageSet
    notes: tuple[str, ...]
    external: Mapping[PairList, ImageSet] = dataclasses.field(default_factory=dict)
    aligned: frozenset[PairList] = frozenset()
    excluded: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unnamed: frozenset[PairList] = frozenset()

    @property
    def by_folds(self) -> bool:
        """True if each fold of the test pairs is evaluated at thresholds chosen on the other folds."""
        return self.development is self.test

    def images_of(self, pairs: PairList) -> ImageSet:
        """Return the image set that a list refers to."""
        return self.external.get(pairs, self.source)

    def with_external_aligned(self, change: Callable[[ImageSet], ImageSet]) -> "Split":
        """Return the split with `change` applied to the external images that are not aligned."""
        before = {id(images): images for pairs, images in self.external.items() if pairs not in self.aligned}
        after = {key: change(images) for key, images in before.items()}
        return dataclasses.replace(
            self, external={pairs: after.get(id(images), images) for pairs, images in self.external.items()}
        )

    def without(self, shared: Collection[SharedPicture]) -> "Split":
        """Return the split without training images that are near duplicates of test images."""
        training = without(self.training, shared)
        identities = len(self.training.names) - len(training.names)
        others = f", and with them {identities} identities without other images" if identities else ""
        count = len(self.training) - len(training)
        images = "1 training image is a near duplicate of a test image and"
        if count != 1:
            images = f"{count} training images are near duplicates of test images and"
        note = f"{images} excluded{others}."
        return dataclasses.replace(self, training=training, notes=(*self.notes, note))


def evaluation_lists(
    parts: Split, sets: Collection[EvaluatedSet], crop: float
) -> list[tuple[NamedImages, ImageSet, float]]:
    """Return every evaluated list, its images and the share of their sides that the crop covers.

    Args:
      parts: the split; its test list comes first.
      sets: further evaluation sets.
      crop: the share for images that are not external, aligned faces.
    """
    test = parts.images_of(parts.test), 1.0 if parts.test in parts.aligned else crop
    return [(parts.test, *test), *((item, item.images, 1.0 if item.aligned else crop) for item in sets)]
