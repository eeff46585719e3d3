"""The photos that a flag names: files, a folder of photos, or any source that training reads."""

from pathlib import Path

from lfw_jax.data.decoding.file_formats import FORMATS, format_of
from lfw_jax.data.formats.photo_files import files_in, read_photo_files
from lfw_jax.data.images import ImageSet
from lfw_jax.data.sources import read_path
from lfw_jax.errors import UserError


def photos_at(value: str, flag: str) -> ImageSet:
    """Return the photos at a path, or at several paths of image files.

    Args:
      value: an image file, several with commas between them, a folder of image files, or a path that `read_path` reads: a folder
        with one folder per identity, or a `.csv`, `.npz`, `.rec` or `.bin` file.
      flag: the flag that has this value, for messages.

    Raises:
      UserError: the path is missing or of another kind, or there is no readable photo.
    """
    paths = _image_files(value, flag)
    images = read_path(value)[0] if paths is None else read_photo_files(paths)
    if not len(images):
        found = images.skipped
        reason = f"; {found[0].path}: {found[0].reason}" if found else ""
        raise UserError(f"{flag}: found no readable photo at {value}{reason}. Expected at least one JPEG or PNG file.")
    return images


def _image_files(value: str, flag: str) -> list[Path] | None:
    """Return the image files that a value names; None for a source of another kind."""
    path = Path(value)
    if path.is_dir():
        files = files_in(path)
        folders = any(below.is_dir() and not below.name.startswith(".") for below in path.iterdir())
        return files if not folders and any(map(_is_image, files)) and not any(path.glob("*.rec")) else None
    if path.is_file():
        return [path] if _is_image(path) else None
    several = [Path(part) for part in value.split(",")]
    if len(several) == 1:
        return None
    if missing := [part for part in several if not part.is_file()]:
        raise UserError(f"{flag}: found no file {missing[0]}; expected image files with commas between them.")
    return several


def _is_image(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return format_of(file.read(256)) in FORMATS
    except OSError:
        return False
