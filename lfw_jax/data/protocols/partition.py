"""The data of a run: its split, its evaluation sets, and what these exclude from training.

The exclusions are settled when training begins and are written into the work directory, so that evaluation sets may change later
without changing the training set.
"""

import dataclasses
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.duplicates.leakage import (
    SharedPicture,
    read_shared_pictures,
    shared_identities,
    shared_pictures,
    write_shared_pictures,
)
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.evaluable import check_set, check_split
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet, read_evaluation_sets
from lfw_jax.data.protocols.exclusion import add_identities_of_same_images
from lfw_jax.data.protocols.holding_out import split_seed
from lfw_jax.data.protocols.identification_sets import EvaluatedSet, IdentificationSet, read_identification_sets
from lfw_jax.data.protocols.splits import Split, evaluation_lists
from lfw_jax.data.protocols.splitting import split
from lfw_jax.errors import UserError

EXCLUDED = "excluded_identities.json"
_EXCLUDED_BEFORE = "kept_out.json"  # the name that the file had in earlier work directories
NEAR_DUPLICATES = "near_duplicates.csv"


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationPlan:
    """The evaluation of a run beyond its split.

    Attributes:
      sets: the evaluation sets.
      excluded: the identities excluded from training, by the name of the set that names them, in its spelling.
      leaking: the number of training and validation identities that a set names, by its name. The set was not given when
        training began.
      shared: training images that are near duplicates of evaluated images; None if they were not searched.
      identification: the identification protocols.
    """

    sets: tuple[EvaluationSet, ...]
    excluded: Mapping[str, list[str]]
    leaking: Mapping[str, int]
    shared: tuple[SharedPicture, ...] | None
    identification: tuple[IdentificationSet, ...] = ()

    def write(self, folder: Path) -> None:
        """Write the exclusions into a new work directory.

        The files are `excluded_identities.json` and, if near duplicates were searched, `near_duplicates.csv`.

        Args:
          folder: the work directory.

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
    originals: ImageSet | None = None,
) -> tuple[Split, EvaluationPlan]:
    """Split the data, and exclude from training what it shares with the evaluation sets.

    In a work directory that has begun, the exclusions are those of its beginning, whatever the evaluation sets are now.

    Args:
      images: all images of the data set.
      config: the whole configuration.
      data_dir: the folder of the data, which may hold the lists.
      workdir: the work directory, which need not exist.
      align: aligns the external images of lists and sets that are not aligned; None leaves them unchanged.
      crop: the share of the sides of an image aligned here that the network sees; the rest is margin.
      originals: the same images before they were aligned; None if they were not.

    Returns:
      The split, and the evaluation beyond it.

    Raises:
      UserError: an unknown option, a list that cannot be evaluated, or a fault that `split` or `read_evaluation_sets` finds.
    """
    data = config["data"]
    if data["near_duplicates"] not in ("ignore", "list", "remove"):
        raise UserError(
            f"--config.data.near_duplicates is '{data['near_duplicates']}'; expected ignore, list (count them and write "
            f"{NEAR_DUPLICATES}) or remove (exclude them from training as well)."
        )
    sets = read_evaluation_sets(tuple(config["evaluation"]["sets"]), data_dir)
    for item in sets:
        check_set(item)
    protocols = read_identification_sets(tuple(config["evaluation"].get("identification", ())), data_dir)
    sets = tuple(add_identities_of_same_images(item, originals or images) for item in sets)
    protocols = tuple(add_identities_of_same_images(item, originals or images) for item in protocols)
    _check_names((*sets, *protocols))
    begun = (workdir / "config.json").is_file()
    excluded = read_excluded(workdir) if begun else _named_in((*sets, *protocols), images)
    parts = split(images, data, data_dir, seed=split_seed(config), exclude=excluded, originals=originals)
    check_split(parts, f"--config.data.{'pairs_file' if data['protocol'] == 'pairs' else 'protocol'}")
    if align:
        sets = tuple(item if item.aligned else dataclasses.replace(item, images=align(item.images)) for item in sets)
        protocols = tuple(dataclasses.replace(item, images=align(item.images)) for item in protocols)
        parts = parts.with_external_aligned(align)
    notes = [note for item in (*sets, *protocols) for note in item.notes]
    trained = {*parts.training.names, *parts.validation.identities()}
    leaking = {
        item.name: len(found) for item in (*sets, *protocols) if (found := shared_identities(trained, item.identities))
    }
    notes += [_leaking_note(count, name) for name, count in leaking.items()]
    shared = None
    if data["near_duplicates"] != "ignore":
        record = workdir / NEAR_DUPLICATES if begun else None
        parts, shared, more = _without_duplicates(
            parts, (*sets, *protocols), record, remove=data["near_duplicates"] == "remove", align=bool(align), crop=crop
        )
        notes += more
    return dataclasses.replace(parts, notes=(*parts.notes, *notes)), EvaluationPlan(
        sets, excluded, leaking, shared, protocols
    )


def _check_names(sets: Collection[EvaluatedSet]) -> None:
    names = [item.name for item in sets]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(
            f"--config.evaluation.identification: the evaluation set {twice} has the same name; expected different names. Rename "
            "a file."
        )


def _named_in(sets: Collection[EvaluatedSet], images: ImageSet) -> dict[str, list[str]]:
    return {
        item.name: sorted(shared_identities(images.names, item.identities).values()) for item in sets if item.identities
    }


def _without_duplicates(
    parts: Split,
    sets: Collection[EvaluatedSet],
    record: Path | None,
    *,
    remove: bool,
    align: bool,
    crop: float,
) -> tuple[Split, tuple[SharedPicture, ...], list[str]]:
    """Search the training images for near duplicates of evaluated images, and exclude those to be removed.

    Args:
      parts: the split.
      sets: the evaluation sets.
      record: the file of a run that has begun. What it excluded from training then stays excluded.
      remove: whether near duplicates are excluded.
      align: whether training images are aligned.
      crop: as for `partition`.

    Returns:
      The split, the near duplicates to be recorded, and notes.
    """
    recorded = read_shared_pictures(record) if record and remove else None
    if recorded:
        parts = parts.without(recorded)
    found = shared_pictures(parts.training, evaluation_lists(parts, sets, crop), crop=crop)
    notes = [_shared_note(found)]
    aligned = [pairs.name for pairs in (*parts.aligned, *(item for item in sets if item.aligned))]
    if aligned and not align:
        notes.append(
            f"{', '.join(aligned)}: near duplicates of these aligned faces cannot be found among training images that are not "
            "aligned."
        )
    if recorded is not None:
        return parts, recorded, notes
    return parts.without(found) if found and remove else parts, found, notes


def _leaking_note(count: int, name: str) -> str:
    identities = "1 identity" if count == 1 else f"{count} identities"
    return (
        f"{identities} of {name} {'is' if count == 1 else 'are'} used for training or validation, because the set was not given "
        "when training began: its metrics are too optimistic."
    )


def _shared_note(shared: tuple[SharedPicture, ...]) -> str:
    images = len({(item.training_identity, item.training_number) for item in shared})
    if not images:
        return "no training image is a near duplicate of an evaluated image."
    count = "1 training image is a near duplicate" if images == 1 else f"{images} training images are near duplicates"
    first = f"{shared[0].training_image} and {shared[0].test_image} of {shared[0].list}"
    return f"{count} of evaluated images ({NEAR_DUPLICATES}); the first: {first}."


def read_excluded(workdir: Path) -> dict[str, list[str]]:
    """Return the identities that a run excluded from training when it began, by the set that names them.

    Args:
      workdir: the work directory; one without the record excluded none.

    Raises:
      UserError: the record cannot be read.
    """
    path = next((workdir / name for name in (EXCLUDED, _EXCLUDED_BEFORE) if (workdir / name).is_file()), None)
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(name, str) for names in found.values() for name in names):
            raise ValueError("expected names by list")
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UserError(
            f"{path}: not the list of excluded identities that a run writes ({error}). Train again in another folder."
        ) from error
    return found
