"""The evaluation plan of a run: its split, its evaluation sets and the exclusions from training.

Split and exclusions are fixed when training begins and written to the work directory, so evaluation sets can be added
and removed later without changing the training set.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.duplicates.leakage import (
    SharedPicture,
    shared_identities,
    read_shared_pictures,
    shared_pictures,
    write_shared_pictures,
)
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet, read_evaluation_sets
from lfw_jax.data.protocols.splits import Split, judged_lists, split
from lfw_jax.errors import UserError

KEPT_OUT = "kept_out.json"
NEAR_DUPLICATES = "near_duplicates.csv"


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationPlan:
    """The evaluation sets of a run besides its split, with the resulting exclusions from training.

    Attributes:
      sets: Evaluation sets.
      kept_out: Identities of the source that are excluded from training because a set names them, by the name of the
        set and as the set spells them.
      leaking: Number of identities named in a set that train nevertheless, by the name of the set: it was not given
        when training began.
      shared: Training images that are near duplicates of test images; None if they were not searched for.
    """

    sets: tuple[EvaluationSet, ...]
    kept_out: Mapping[str, list[str]]
    leaking: Mapping[str, int]
    shared: tuple[SharedPicture, ...] | None

    def write(self, folder: Path) -> None:
        """Write the exclusions of a new run into its work directory.

        The files are `kept_out.json` and, if near duplicates were searched for, `near_duplicates.csv`.

        Args:
          folder: The work directory.

        Raises:
          UserError: If the folder cannot be written.
        """
        with written_atomically(folder / KEPT_OUT, replace=True) as (unfinished,):
            unfinished.write_text(
                json.dumps(dict(self.kept_out), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
            )
        if self.shared is not None:
            write_shared_pictures(folder / NEAR_DUPLICATES, self.shared)


def partition(
    images: ImageSet,
    config: Mapping[str, Any],
    lists_beside: Path,
    workdir: Path,
    align: Callable[[ImageSet], ImageSet] | None = None,
    crop: float = 1.0,
) -> tuple[Split, EvaluationPlan]:
    """Split the data and exclude from training the identities and images of the evaluation sets.

    In a work directory that has begun, the identities excluded at the start remain excluded, whatever the current
    evaluation sets are.

    Args:
      images: All images of the source.
      config: The whole configuration.
      lists_beside: Folder of the data.
      workdir: Work directory, which need not exist.
      align: Function that aligns images of external lists and sets that are not aligned; None leaves them unchanged.
      crop: Side of the network's crop as a fraction of an image aligned here; the rest is margin.

    Returns:
      The split and the evaluation plan.

    Raises:
      UserError: If an option is unknown, or `split` or `read_evaluation_sets` reports an error.
    """
    data = config["data"]
    if data["near_duplicates"] not in ("ignore", "list", "remove"):
        raise UserError(
            f"--config.data.near_duplicates is '{data['near_duplicates']}'; expected ignore, list (count them and write "
            f"{NEAR_DUPLICATES}) or remove (leave them out of training as well)."
        )
    sets = read_evaluation_sets(tuple(config["evaluation"]["sets"]), lists_beside)
    begun = (workdir / "config.json").is_file()
    if begun:
        kept_out = _read_kept_out(workdir / KEPT_OUT)
    else:
        kept_out = {
            item.name: sorted(shared_identities(images.names, item.identities).values()) for item in sets if item.identities
        }
    parts = split(images, data, lists_beside, seed=config["seed"], keep_out=kept_out)
    if align:
        sets = tuple(item if item.aligned else dataclasses.replace(item, images=align(item.images)) for item in sets)
        parts = parts.with_brought(align)
    notes = [note for item in sets for note in item.notes]
    trained = {*parts.training.names, *parts.validation.identities()}
    leaking = {item.name: len(found) for item in sets if (found := shared_identities(trained, item.identities))}
    notes += [
        f"{count} people named in {name} train or validate: the set was not given when training began, so its figures flatter "
        "the model."
        for name, count in leaking.items()
    ]
    shared = None
    if data["near_duplicates"] != "ignore":
        known = begun and data["near_duplicates"] == "remove"
        if known:  # images excluded at the start remain excluded
            shared = read_shared_pictures(workdir / NEAR_DUPLICATES)
            parts = parts.without(shared) if shared else parts
        found = shared_pictures(parts.training, judged_lists(parts, sets, crop), crop=crop)
        notes.append(_shared_note(found))
        foreign = [pairs.name for pairs in (*parts.aligned, *(item.pairs for item in sets if item.aligned))]
        if foreign and not align:
            notes.append(
                f"{', '.join(foreign)}: aligned faces, which are not found again in training images that are not aligned."
            )
        if not known:
            shared = found
            if found and data["near_duplicates"] == "remove":
                parts = parts.without(found)
    return dataclasses.replace(parts, notes=(*parts.notes, *notes)), EvaluationPlan(sets, kept_out, leaking, shared)


def _shared_note(shared: tuple[SharedPicture, ...]) -> str:
    images = len({(item.training_person, item.training_number) for item in shared})
    if not images:
        return "no training image is a near duplicate of a judged one."
    kinds = "1 training image is" if images == 1 else f"{images} training images are"
    first = f"{shared[0].training_image} is nearly {shared[0].judged_image} of {shared[0].list}"
    return f"{kinds} nearly the same picture as a judged one ({NEAR_DUPLICATES}), the first: {first}."


def _read_kept_out(path: Path) -> dict[str, list[str]]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(name, str) for names in found.values() for name in names):
            raise ValueError("expected names by list")
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(
            f"{path}: not the list of people that a run writes ({error}). Train anew in another folder."
        ) from error
    return found
