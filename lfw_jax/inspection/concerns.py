"""Problems that a training on the data set would have, each in words with its remedy."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from lfw_jax.data.duplicates.leakage import comparable_name
from lfw_jax.data.images import ImageSet
from lfw_jax.inspection.draws import Draws
from lfw_jax.inspection.duplicates import leaking
from lfw_jax.inspection.headers import Headers
from lfw_jax.inspection.likeness import Likeness
from lfw_jax.inspection.parts import TRAINING, Parts
from lfw_jax.inspection.people import ImagesPerPerson

_FEW_PEOPLE = 50
_TOP_SHARE = 0.25  # of the images, for the 1 % of identities with the most images
_EXCLUDED_SHARE = 0.2
_UNREADABLE_SHARE = 0.01
_NAMES_SHOWN = 3
_OBLONG = 1.1
_OBLONG_SHARE = 0.05
_SMALL_SHARE = 0.01
# An image used whole is probably not a cropped face if its side exceeds this multiple of the network's, and so many pixels:
_WHOLE_PICTURE, _LARGEST_CROP = 1.6, 160  # face sets are cropped to 112, 128 or 160 pixels


@dataclasses.dataclass(frozen=True)
class Plan:
    """The use of the images in training.

    Attributes:
      side: the side of the network's input in pixels.
      crop: the side of the centred square crop, as a share of the image's shorter side.
      loss: the name of the loss.
      compares: true if the loss compares the images of a batch, so that a batch needs two images of an identity.
      aligned: true if the images are aligned crops.
    """

    side: int
    crop: float
    loss: str
    compares: bool
    aligned: bool = False


def concerns(
    images: ImageSet,
    plan: Plan,
    people: ImagesPerPerson,
    headers: Headers,
    likeness: Likeness,
    parts: Parts | None = None,
    draws: Draws | None = None,
) -> list[str]:
    """Describe what would harm the training or distort its results, most serious first.

    Args:
      images: the data set.
      plan: the use of the images in training.
      people: the number of images per identity, of the whole set.
      headers: the headers of its images.
      likeness: the duplicates among its images.
      parts: the parts of the split; None if the split failed.
      draws: the statistics of the sampler; None if it failed.

    Returns:
      The problems, in words; empty if none was found.
    """
    found = [*_of_parts(likeness, parts)] if parts else []
    if draws:
        found += _of_draws(plan, draws, len(parts.split.training.names) if parts else len(people.names))
    found += [*_labels(images, likeness), *_names(people.names)]
    found += _files(images, headers, likeness)
    found += _sizes(plan, headers)
    found += _balance(people)
    return found


def _of_parts(likeness: Likeness, parts: Parts) -> Iterator[str]:
    if count := int(leaking(likeness, parts).sum()):
        yield (
            f"{_many(count, 'pair')} of duplicates {'has' if count == 1 else 'have'} one image in training and the other in "
            "validation or test, which makes the results too optimistic. The pairs are listed in inspection_duplicates.csv; "
            "remove one image of each."
        )
    if (count := int((parts.person == TRAINING).sum())) < _FEW_PEOPLE:
        yield (
            f"only {count} identities are used for training. An embedding learned from so few identities rarely generalises to "
            "others: add identities rather than images of each."
        )
    if parts.excluded_by_sampler > _EXCLUDED_SHARE * (trained := len(parts.split.training.names)):
        yield (
            f"the sampler excludes {parts.excluded_by_sampler:,} of {trained:,} training identities, which have too few "
            "images: lower --config.sampler.images_per_person, or set --config.sampler.short=repeat."
        )


def _of_draws(plan: Plan, draws: Draws, people: int) -> Iterator[str]:
    empty, mean = float((draws.positives == 0).mean()), float(draws.positives.mean())
    if not plan.compares:
        return
    if not draws.positives.any():
        yield (
            f"no batch has two images of the same identity, but the loss {plan.loss} needs such pairs: without them, training "
            "would only increase distances. Use --config.sampler.name=people_images, a classification loss such as cosface, or "
            "identities with several images."
        )
    elif mean < 0.1 * draws.batch_size:
        yield (
            f"a batch of {draws.batch_size} has {mean:.1f} same-identity pairs on average ({100 * empty:.0f} % of the batches "
            f"have none), on which the loss {plan.loss} depends. --config.sampler.name=people_images puts several images of each "
            "identity into a batch."
        )
    summary = draws.summary(tuple(map(str, range(people))))
    if draws.positives.any() and (share := summary["singletons_of_draws"]) > 0.5:
        yield (
            f"{100 * share:.0f} % of the sampled images belong to identities with a single image, which give the loss "
            f"{plan.loss} no positive pair. --config.sampler.short=leave_out excludes them; a classification loss can use them."
        )


def _labels(images: ImageSet, likeness: Likeness) -> Iterator[str]:
    within, across = likeness.copies(images.labels)
    near = likeness.across_people(images.labels) & ~likeness.exact
    if across:
        yield (
            f"{_many(across, 'pair')} of identical files {'has' if across == 1 else 'have'} two different identities: one of "
            "the two labels must be wrong."
        )
    if count := int(near.sum()):
        yield (
            f"{_many(count, 'pair')} of near duplicates {'has' if count == 1 else 'have'} two different identities. Check them: "
            "usually a label is wrong, or one photograph shows two people."
        )
    if within > 0.01 * len(images):
        yield (
            f"{within:,} pairs of identical files have the same identity: they add no information, and the same-identity pairs "
            "made of them are trivial."
        )


def _names(names: Sequence[str]) -> Iterator[str]:
    spelt: dict[str, list[str]] = {}
    for name in names:
        spelt.setdefault(comparable_name(name), []).append(name)
    if twice := [group for group in spelt.values() if len(group) > 1]:
        shown = "; ".join(" and ".join(repr(name) for name in group) for group in twice[:_NAMES_SHOWN])
        yield (
            f"{_many(len(twice), 'name')} appear{'s' * (len(twice) == 1)} in two spellings, as two identities: {shown}"
            f"{', …' if len(twice) > _NAMES_SHOWN else ''}. If they are the same person, use one name."
        )


def _files(images: ImageSet, headers: Headers, likeness: Likeness) -> Iterator[str]:
    if damaged := len(headers.unreadable) + len(likeness.undecodable):
        yield (
            f"{_many(damaged, 'image')} passed the check of the headers but cannot be decoded: training stops at such an image. "
            "Remove or repair the files that inspection.json lists."
        )
    everything = len(images) + len(images.skipped)
    if len(images.skipped) > _UNREADABLE_SHARE * everything:
        share = 100 * len(images.skipped) / everything
        yield f"{len(images.skipped):,} of {everything:,} files ({share:.1f} %) are unreadable and were skipped."


def _sizes(plan: Plan, headers: Headers) -> Iterator[str]:
    count = len(headers.indices)
    if not count:
        return
    cropped = np.round(plan.crop * headers.shorter)
    if (small := int((cropped < plan.side).sum())) > _SMALL_SHARE * count:
        yield (
            f"{small:,} of {count:,} images have crops smaller than the network's input of {plan.side} pixels (median side "
            f"{int(np.median(cropped[cropped < plan.side]))}), which are enlarged and blurred. Use a smaller "
            "--config.data.side or a larger --config.data.crop."
        )
    if (oblong := int((headers.aspects > _OBLONG).sum())) > _OBLONG_SHARE * count:
        yield (
            f"{oblong:,} of {count:,} images are not square: only their centred square is used. If faces are not in the centre, "
            "align them first (--mode=align)."
        )
    middle = float(np.median(headers.shorter))
    if not plan.aligned and plan.crop == 1.0 and middle > max(_WHOLE_PICTURE * plan.side, _LARGEST_CROP):
        yield (
            f"images are used whole, and their median side is {middle:.0f} pixels: if they are photographs rather than cropped "
            "faces, align them first (--mode=align) or lower --config.data.crop."
        )
    if headers.grey == count:
        yield "all images are grey: colour augmentation has no effect, and a model trained on them has never seen colour."
    elif headers.grey > 0.05 * count:
        yield f"{headers.grey:,} of {count:,} images are grey: colour reveals the identities with grey images only."


def _balance(people: ImagesPerPerson) -> Iterator[str]:
    if people.top_share > _TOP_SHARE and len(people.names) >= 100:
        most = int(np.argmax(people.counts))
        yield (
            f"1 % of the identities have {100 * people.top_share:.0f} % of the images, first of all {people.names[most]} with "
            f"{int(people.counts[most]):,}: --config.sampler.name=people_images samples all identities equally."
        )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
