"""The original LFW images, fetched once through tensorflow-datasets."""

import dataclasses
import os
import urllib.error
import urllib.request
from pathlib import Path

from lfw_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Archive:
    """Where a file is fetched from and what it must be."""

    url: str
    size: int
    sha256: str


# The mirror that tensorflow-datasets and scikit-learn share; the original host is gone.
LFW = Archive(
    "https://ndownloader.figshare.com/files/5976018",
    180_566_744,
    "055f7d9c632d7370e6fb4afc7468d40f970c34a80d4c6f50ffec63f5a8d536c0",
)


def fetch_lfw(data_dir: str | Path = "", archive: Archive = LFW) -> Path:
    """The folder of LFW's images, downloaded and unpacked by tensorflow-datasets on first use.

    The download manager is used, not the prepared TFDS records: those keep a person's name but not the number of the
    image, without which no pair list can be followed.

    Args:
      data_dir: where tensorflow-datasets keeps its files; "" is its own default (`TFDS_DATA_DIR` or
        `~/tensorflow_datasets`).
      archive: what is fetched, checked by size and SHA-256.

    Raises:
      UserError: tensorflow-datasets is not installed, or the archive cannot be had or is another file.
    """
    advice = (
        "Point --config.data.dir at a folder with LFW's images and set --config.data.source=folder, or try "
        "--config=configs/quickstart.py, which needs neither data nor network."
    )
    try:
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core.download import checksums, download_manager, resource
        from tensorflow_datasets.core.units import Size
    except ModuleNotFoundError as error:
        raise UserError(
            f"--config.data.source=lfw needs tensorflow-datasets, which is not installed ({error}). {advice}"
        ) from error
    root = tfds_folder(data_dir)
    checksum = checksums.UrlInfo(size=Size(archive.size), checksum=archive.sha256, filename="lfw.tgz")
    manager = tfds.download.DownloadManager(
        download_dir=root / "downloads", url_infos={archive.url: checksum}, force_checksums_validation=True
    )
    known = resource.get_dl_fname(archive.url, archive.sha256)
    if not any((root / "downloads" / "extracted").glob(f"*{known}*")):
        _probe(archive.url, f"LFW is not in {root}", advice)
    wanted = tfds.download.Resource(url=archive.url, extract_method=tfds.download.ExtractMethod.TAR_GZ)
    try:
        extracted = manager.download_and_extract(wanted)
    except (OSError, tfds.download.DownloadError, download_manager.NonMatchingChecksumError) as error:
        raise UserError(
            f"--config.data.source=lfw: LFW is not in {root} and could not be fetched from {archive.url} "
            f"({type(error).__name__}). {advice}"
        ) from error
    return Path(os.fspath(extracted)) / "lfw"


def _probe(url: str, state: str, advice: str) -> None:
    """Ask for the archive's header first: without a network tensorflow-datasets would try for minutes."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=20):
            pass
    except urllib.error.HTTPError:
        pass  # somebody answers; what they have is seen by downloading
    except (OSError, ValueError) as error:
        raise UserError(
            f"--config.data.source=lfw: {state}, and {url} cannot be reached ({getattr(error, 'reason', error)}). {advice}"
        ) from error


def tfds_folder(data_dir: str | Path = "") -> Path:
    """Where tensorflow-datasets keeps its files: the folder that is given, else the one that it would take itself."""
    return Path(data_dir or os.environ.get("TFDS_DATA_DIR") or Path.home() / "tensorflow_datasets")
