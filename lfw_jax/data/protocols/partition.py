"""What a run is judged on: its split, the evaluation sets, and who and what was kept out of training because of them.

Both are settled when training begins and written into the work directory, so that evaluation sets may come and go later
without changing who trained.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.duplicates.leakage import (
    SharedPicture,
    people_in_both,
    read_shared_pictures,
    shared_pictures,
    write_shared_pictures,
)
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet, read_evaluation_sets
from lfw_jax.data.protocols.splits import Split, evaluation_lists, split
from lfw_jax.errors import UserError

EXCLUDED = "excluded_identities.json"
_EXCLUDED_BEFORE = "kept_out.json"  # the name that the file had in earlier work directories
NEAR_DUPLICATES = "near_duplicates.csv"


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationPlan:
    """What a run is judged on besides its split.

    Attributes:
      sets: the evaluation sets.
      excluded: people of the source who do not train because a set names them, by the set's name and as it spells them.
      leaking: how many people named in a set train nevertheless, by the set's name: it was not given when training began.
      shared: training images that are near duplicates of judged ones; None where nobody looked.
    """

    sets: tuple[EvaluationSet, ...]
    excluded: Mapping[str, list[str]]
    leaking: Mapping[str, int]
    shared: tuple[SharedPicture, ...] | None

    def write(self, folder: Path) -> None:
        """Write `excluded_identities.json`, and `near_duplicates.csv` if duplicates were searched, into a new work directory.

        Raises:
          UserError: the folder cannot be written.
        """
        with written_atomically(folder / EXCLUDED, replace=True) as (unfinished,):
            unfinished.write_text(
                json.dumps(dict(self.excluded), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
            )
        if self.shared is not None:
            write_shared_pictures(folder / NEAR_DUPLICATES, self.shared)


def partition(
    images: ImageSet,
    config: Mapping[str, Any],
    data_dir: Path,
    workdir: Path,
    align: Callable[[ImageSet], ImageSet] | None = None,
    crop: float = 1.0,
) -> tuple[Split, EvaluationPlan]:
    """Divide the data, and keep out of training whom and what the evaluation sets and the test list share with it.

    In a work directory that has begun, the people are those who were kept out then, whatever sets are judged now.

    Args:
      images: everything the source has.
      config: the whole configuration.
      data_dir: the folder of the data.
      workdir: the work directory, which need not exist.
      align: aligns the images of lists and sets that are not of the source and not aligned; None leaves them as they are.
      crop: the share of the sides of an image aligned here that the network sees; the rest is margin.

    Raises:
      UserError: an unknown option, or what `split` and `read_evaluation_sets` find wrong.
    """
    data = config["data"]
    if data["near_duplicates"] not in ("ignore", "list", "remove"):
        raise UserError(
            f"--config.data.near_duplicates is '{data['near_duplicates']}'; expected ignore, list (count them and write "
            f"{NEAR_DUPLICATES}) or remove (leave them out of training as well)."
        )
    sets = read_evaluation_sets(tuple(config["evaluation"]["sets"]), data_dir)
    begun = (workdir / "config.json").is_file()
    if begun:
        excluded = _read_excluded(workdir)
    else:
        excluded = {
            item.name: sorted(people_in_both(images.names, item.people).values()) for item in sets if item.people
        }
    parts = split(images, data, data_dir, seed=config["seed"], exclude=excluded)
    if align:
        sets = tuple(item if item.aligned else dataclasses.replace(item, images=align(item.images)) for item in sets)
        parts = parts.with_external_aligned(align)
    notes = [note for item in sets for note in item.notes]
    trained = {*parts.training.names, *parts.validation.people()}
    leaking = {item.name: len(found) for item in sets if (found := people_in_both(trained, item.people))}
    notes += [
        f"{count} people named in {name} train or validate: the set was not given when training began, so its figures flatter "
        "the model."
        for name, count in leaking.items()
    ]
    shared = None
    if data["near_duplicates"] != "ignore":
        known = begun and data["near_duplicates"] == "remove"
        if known:  # what did not train then does not now
            shared = read_shared_pictures(workdir / NEAR_DUPLICATES)
            parts = parts.without(shared) if shared else parts
        found = shared_pictures(parts.training, evaluation_lists(parts, sets, crop), crop=crop)
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
    return dataclasses.replace(parts, notes=(*parts.notes, *notes)), EvaluationPlan(sets, excluded, leaking, shared)


def _shared_note(shared: tuple[SharedPicture, ...]) -> str:
    images = len({(item.training_person, item.training_number) for item in shared})
    if not images:
        return "no training image is a near duplicate of a judged one."
    kinds = "1 training image is" if images == 1 else f"{images} training images are"
    first = f"{shared[0].training_image} is nearly {shared[0].judged_image} of {shared[0].list}"
    return f"{kinds} nearly the same picture as a judged one ({NEAR_DUPLICATES}), the first: {first}."


def _read_excluded(workdir: Path) -> dict[str, list[str]]:
    path = next((workdir / name for name in (EXCLUDED, _EXCLUDED_BEFORE) if (workdir / name).is_file()), None)
    if path is None:
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
