"""The method that aligned the images of a folder."""

import json
from pathlib import Path

from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.faces.align_set import MANIFEST
from lfw_jax.faces.aligned_folder import SETTINGS

UNKNOWN = "an unknown method"


def aligned_by(images: ImageSet) -> str:
    """Return the method that aligned images, from the settings beside them, such as "mtcnn 1.0.0".

    Aligned images are files `<folder>/<identity>/<name>`, with settings and manifest in the folder: those of `config.data.align`
    and of `--mode=align`. Images that another program aligned carry no sign of it.

    Args:
      images: the images; all of one folder.

    Returns:
      The method; `UNKNOWN` if a manifest does not say which; "" if there is no sign of an alignment.

    Raises:
      UserError: the settings are damaged.
    """
    if images.storage != "files" or not len(images):
        return ""
    folder = Path(str(images.images[0])).parent.parent
    path = folder / SETTINGS
    if not path.is_file():
        return UNKNOWN if (folder / MANIFEST).is_file() else ""
    try:
        return str(json.loads(path.read_text(encoding="utf-8")).get("detector", UNKNOWN))
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: not the settings of an alignment ({error}). Remove the folder and align again."
        ) from error
