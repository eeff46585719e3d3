"""Finding the lists of a protocol in a folder of lists, in the data folder, or in an archive."""

import os
from pathlib import Path
from typing import Literal, overload

from lfw_jax.errors import UserError

# Addresses and SHA-256 of LFW's lists, whose original host is gone: facts as listed by scikit-learn 1.9 in
# sklearn/datasets/_lfw.py. The archive does not have the lists of identities.
SOURCES = {
    "pairsDevTrain.txt": (
        "https://ndownloader.figshare.com/files/5976012",
        "1d454dada7dfeca0e7eab6f65dc4e97a6312d44cf142207be28d688be92aabfa",
    ),
    "pairsDevTest.txt": (
        "https://ndownloader.figshare.com/files/5976009",
        "7cb06600ea8b2814ac26e946201cdb304296262aad67d046a16a7ec85d0ff87c",
    ),
    "pairs.txt": (
        "https://ndownloader.figshare.com/files/5976006",
        "ea42330c62c92989f9d7c03237ed5d591365e89b3e649747777b70e692dc1592",
    ),
}


@overload
def find_list(
    name: str, data_dir: str | Path, lists_dir: str | Path = "", *, optional: Literal[False] = False
) -> Path: ...


@overload
def find_list(name: str, data_dir: str | Path, lists_dir: str | Path = "", *, optional: bool) -> Path | None: ...


def find_list(name: str, data_dir: str | Path, lists_dir: str | Path = "", *, optional: bool = False) -> Path | None:
    """Return the path of a list such as "pairsDevTest.txt", which is downloaded if no folder has it.

    The search order is `lists_dir`, `data_dir`, the parent of `data_dir`, the cache of downloaded lists, and the archive.
    Downloaded lists are checked by SHA-256; a user's own lists are not.

    Args:
      name: the file name of the list.
      data_dir: the folder of the data; "" for none.
      lists_dir: a folder of lists; "" for none.
      optional: whether a list that is not available gives None instead of an error.

    Returns:
      The path, or None.

    Raises:
      UserError: `lists_dir` is not a folder, or the list is not available.
    """
    if lists_dir and not Path(lists_dir).is_dir():
        raise UserError(
            f"--config.data.lists_dir: found no folder at {lists_dir}, expected the folder that holds {name}. Correct "
            "the path, or leave it empty to look in the data folder."
        )
    folders = [Path(lists_dir)] if lists_dir else []
    folders += [Path(data_dir), Path(data_dir).resolve().parent] if data_dir else []
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    searched = ", ".join(map(str, folders)) or "no folder, as none is configured"
    try:
        return _fetch(name, searched)
    except UserError:
        if optional:
            return None
        raise


def _fetch(name: str, searched: str) -> Path:
    """Return the path of a list in the cache, downloading it if needed; `searched` is for messages."""
    advice = (
        "Point --config.data.dir at an LFW folder that has its lists at the top, or --config.data.lists_dir at a "
        f"folder with {name}; --config=configs/quickstart.py needs neither lists nor network."
    )
    if name not in SOURCES:
        raise UserError(f"{name}: not found (searched: {searched}), and no archive is known that has it. {advice}")
    import pooch  # a slow import that is needed only if no folder has the list

    url, sha256 = SOURCES[name]
    cache = Path(pooch.os_cache("lfw_jax"))
    archive = pooch.create(cache, base_url="", registry={name: f"sha256:{sha256}"}, urls={name: url}, retry_if_failed=2)
    try:
        return Path(os.fspath(archive.fetch(name)))
    except ValueError as error:  # raised by pooch for a wrong hash
        raise UserError(
            f"{name}: not found (searched: {searched}), and {url} returned another file: its SHA-256 is not "
            f"{sha256}. {advice}"
        ) from error
    except OSError as error:  # no network, an HTTP error, or a cache folder that cannot be written
        raise UserError(
            f"{name}: not found (searched: {searched}), and it could not be downloaded from {url} to {cache} "
            f"({type(error).__name__}). {advice}"
        ) from error
