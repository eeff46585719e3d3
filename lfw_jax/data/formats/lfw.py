"""The original LFW images, downloaded once through tensorflow-datasets."""

import dataclasses
import os
import urllib.error
import urllib.request
from pathlib import Path

from lfw_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class Archive:
    """A file to download, with its expected content.

    Attributes:
      url: the address.
      size: in bytes.
      sha256: the SHA-256 digest, in hexadecimal.
    """

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
    """Return the folder of LFW's images, which tensorflow-datasets downloads and extracts on first use.

    Only the download manager is used. The prepared TFDS records contain the identity but not the image number, without which
    the pair lists cannot be applied.

    Args:
      data_dir: the folder of tensorflow-datasets; "" is its own default (`TFDS_DATA_DIR` or `~/tensorflow_datasets`).
      archive: the file to download, verified by size and SHA-256.

    Raises:
      UserError: tensorflow-datasets is not installed, or the archive cannot be downloaded or fails verification.
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
    """Request the archive's headers first: without a network tensorflow-datasets would retry for minutes."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=20):
            pass
    except urllib.error.HTTPError:
        pass  # the host responds; the download will show whether it has the file
    except (OSError, ValueError) as error:
        raise UserError(
            f"--config.data.source=lfw: {state}, and {url} cannot be reached ({getattr(error, 'reason', error)}). {advice}"
        ) from error


def tfds_folder(data_dir: str | Path = "") -> Path:
    """Return the folder of tensorflow-datasets: the given one, or its own default if empty.

    Args:
      data_dir: the folder, which need not exist.

    Raises:
      UserError: it is a file, or lies below one.
    """
    folder = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or Path.home() / "tensorflow_datasets")
    found = next((path for path in (folder, *folder.parents) if path.exists()), folder)
    if found.exists() and not found.is_dir():
        key = (
            "--config.data.dir" if data_dir else "TFDS_DATA_DIR" if "TFDS_DATA_DIR" in os.environ else "the home folder"
        )
        raise UserError(
            f"{key}: {found} is a file; expected a folder, in which tensorflow-datasets stores its files. To read images from "
            "a file, set --config.data.source to its format: array, csv, rec or bin."
        )
    return folder
