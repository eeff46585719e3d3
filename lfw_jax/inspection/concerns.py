"""Where training on a set would go wrong, in words: what was found, and what to do."""

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
_TOP_SHARE = 0.25  # of the images, owned by the hundredth part of people with the most
_UNDRAWN_SHARE = 0.2
_UNREADABLE_SHARE = 0.01
_NAMES_SHOWN = 3
_OBLONG = 1.1
_OBLONG_SHARE = 0.05
_SMALL_SHARE = 0.01
# An image that is shown whole is hardly a cropped face with more sides of the network's square, and more pixels, than these:
_WHOLE_PICTURE, _LARGEST_CROP = 1.6, 160  # face sets are cropped to 112, 128 or 160 pixels


@dataclasses.dataclass(frozen=True)
class Plan:
    """What training means to do with the images.

    Attributes:
      side: pixels of the square that the network sees.
      crop: side of the centred square that it shows, as a share of the image's shorter side.
      loss: the name of the loss.
      compares: the loss compares images of a batch with one another: it needs two images of a person in it.
      aligned: the images are crops that an alignment made.
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
    """Say what would go wrong or spoil a figure, the gravest first; an empty list where nothing was found.

    Args:
      images: the set.
      plan: what training means to do.
      people: images a person, of the whole set.
      headers: of its images.
      likeness: which images are alike.
      parts: who trains and who is tested; None where the split failed.
      draws: of the sampler; None where it failed.
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
            f"{_many(count, 'pair')} of like pictures {'lies' if count == 1 else 'lie'} across the split, where what trains is "
            "also judged, under another name: the result flatters the model. The pairs stand in inspection_duplicates.csv; "
            "remove one of each."
        )
    if (count := int((parts.person == TRAINING).sum())) < _FEW_PEOPLE:
        yield (
            f"only {count} people train. An embedding of so few faces rarely carries over to others: bring more people, "
            "rather than more images of each."
        )
    if parts.undrawn > _UNDRAWN_SHARE * (trained := len(parts.split.training.names)):
        yield (
            f"the sampler leaves out {parts.undrawn:,} of {trained:,} training people, who have too few images: lower "
            "--config.sampler.images_per_person, or set --config.sampler.short=repeat."
        )


def _of_draws(plan: Plan, draws: Draws, people: int) -> Iterator[str]:
    empty, mean = float((draws.positives == 0).mean()), float(draws.positives.mean())
    if not plan.compares:
        return
    if not draws.positives.any():
        yield (
            f"no batch holds two images of one person, and the loss {plan.loss} learns who matches from such pairs alone: "
            "training would only push people apart. Use --config.sampler.name=people_images, a classification loss such "
            "as cosface, or people with several images."
        )
    elif mean < 0.1 * draws.batch_size:
        yield (
            f"a batch of {draws.batch_size} holds {mean:.1f} pairs of one person on average ({100 * empty:.0f} % of the "
            f"batches none), on which the loss {plan.loss} depends. --config.sampler.name=people_images puts several "
            "images of each person into a batch."
        )
    summary = draws.summary(tuple(map(str, range(people))))
    if draws.positives.any() and (share := summary["singletons_of_draws"]) > 0.5:
        yield (
            f"{100 * share:.0f} % of what a batch shows are people with a single image: no positive pair for the loss "
            f"{plan.loss}. --config.sampler.short=leave_out leaves them out, a classification loss can use them."
        )


def _labels(images: ImageSet, likeness: Likeness) -> Iterator[str]:
    within, across = likeness.copies(images.labels)
    near = likeness.across_people(images.labels) & ~likeness.exact
    if across:
        yield (
            f"{_many(across, 'pair')} of identical files carr{'ies' if across == 1 else 'y'} the names of two people: one "
            "of the two names must be wrong."
        )
    if count := int(near.sum()):
        yield (
            f"{_many(count, 'pair')} of almost the same picture carr{'ies' if count == 1 else 'y'} the names of two people: "
            "look at them; mostly a name is wrong, or two people stand in one photograph."
        )
    if within > 0.01 * len(images):
        yield f"{within:,} pairs of identical files of one person: they add nothing, and same-person pairs become trivial."


def _names(names: Sequence[str]) -> Iterator[str]:
    spelt: dict[str, list[str]] = {}
    for name in names:
        spelt.setdefault(comparable_name(name), []).append(name)
    if twice := [group for group in spelt.values() if len(group) > 1]:
        shown = "; ".join(" and ".join(repr(name) for name in group) for group in twice[:_NAMES_SHOWN])
        yield (
            f"{_many(len(twice), 'name')} appear{'s' * (len(twice) == 1)} in two spellings, as two people: {shown}"
            f"{', …' if len(twice) > _NAMES_SHOWN else ''}. If they are one, give them one name."
        )


def _files(images: ImageSet, headers: Headers, likeness: Likeness) -> Iterator[str]:
    sound_only_in_header = len(headers.unreadable) + len(likeness.undecodable)
    if sound_only_in_header:
        yield (
            f"{_many(sound_only_in_header, 'image')} passed for readable and cannot be decoded: training stops when it "
            "meets one. Remove or repair what inspection.json lists."
        )
    everything = len(images) + len(images.skipped)
    if len(images.skipped) > _UNREADABLE_SHARE * everything:
        share = 100 * len(images.skipped) / everything
        yield f"{len(images.skipped):,} of {everything:,} files ({share:.1f} %) are unreadable and were skipped."


def _sizes(plan: Plan, headers: Headers) -> Iterator[str]:
    count = len(headers.indices)
    if not count:
        return
    shown = np.round(plan.crop * headers.shorter)
    if (small := int((shown < plan.side).sum())) > _SMALL_SHARE * count:
        yield (
            f"{small:,} of {count:,} images show fewer pixels than the network's {plan.side} (the square that is cut out has "
            f"{int(np.median(shown[shown < plan.side]))} on average): they are enlarged and blurred. A smaller "
            "--config.data.side or a larger --config.data.crop helps."
        )
    if (oblong := int((headers.aspects > _OBLONG).sum())) > _OBLONG_SHARE * count:
        yield (
            f"{oblong:,} of {count:,} images are not square: only the centred square is used. Where faces are not in the "
            "centre, align them first (--mode=align)."
        )
    middle = float(np.median(headers.shorter))
    if not plan.aligned and plan.crop == 1.0 and middle > max(_WHOLE_PICTURE * plan.side, _LARGEST_CROP):
        yield (
            f"images are shown whole, and half of them have {middle:.0f} pixels a side or more: if "
            "they are photographs and no cropped faces, align them first (--mode=align) or lower --config.data.crop."
        )
    if headers.grey == count:
        yield "all images are grey: augmentation of colours does nothing, and a model trained on them has never seen colour."
    elif headers.grey > 0.05 * count:
        yield f"{headers.grey:,} of {count:,} images are grey: if some people are grey only, colour tells them apart."


def _balance(people: ImagesPerPerson) -> Iterator[str]:
    if people.top_share > _TOP_SHARE and len(people.names) >= 100:
        most = int(np.argmax(people.counts))
        yield (
            f"one person in a hundred owns {100 * people.top_share:.0f} % of the images, the first {people.names[most]} with "
            f"{int(people.counts[most]):,}: --config.sampler.name=people_images shows everybody alike."
        )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
