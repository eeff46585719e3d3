"""Where a protocol's list comes from: a folder of lists, the data folder, or the archive that keeps LFW's."""

import os
from pathlib import Path
from typing import Literal, overload

from lfw_jax.errors import UserError

# Addresses and SHA-256 of LFW's lists, whose original host is gone: facts as listed by scikit-learn 1.9 in
# sklearn/datasets/_lfw.py. The lists of people are in no such archive.
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
    """The path of a list such as "pairsDevTest.txt", fetched where it is not at hand.

    The first of: `lists_dir`, the top of `data_dir`, the folder around `data_dir` (each skipped when ""), the cache of
    fetched lists, the archive. Fetched lists are checked by SHA-256; a user's own are taken as they are. Raises
    UserError if the list cannot be had; with `optional`, returns None instead, and the caller says how it goes on.
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
    """The list from the cache or the archive; `searched` says where else it was looked for."""
    advice = (
        "Point --config.data.dir at an LFW folder that has its lists at the top, or --config.data.lists_dir at a "
        f"folder with {name}; --config=configs/quickstart.py needs neither lists nor network."
    )
    if name not in SOURCES:
        raise UserError(f"{name}: not found (searched: {searched}), and no archive is known to have it. {advice}")
    import pooch  # here, because it is needed only on a machine that has no lists

    url, sha256 = SOURCES[name]
    cache = Path(pooch.os_cache("lfw_jax"))
    archive = pooch.create(cache, base_url="", registry={name: f"sha256:{sha256}"}, urls={name: url}, retry_if_failed=2)
    try:
        return Path(os.fspath(archive.fetch(name)))
    except ValueError as error:  # pooch's word for a wrong hash
        raise UserError(
            f"{name}: not found (searched: {searched}), and what {url} sends is another file: its SHA-256 is not "
            f"{sha256}. {advice}"
        ) from error
    except OSError as error:  # no network, an HTTP error, or a cache folder that cannot be written
        raise UserError(
            f"{name}: not found (searched: {searched}), and it could not be fetched from {url} into {cache} "
            f"({type(error).__name__}). {advice}"
        ) from error
