"""`--mode=export`: write the images of any source, aligned or not, for another tool."""

from pathlib import Path
from typing import Any, cast

from lfw_jax.data.formats.array import write_array
from lfw_jax.data.formats.folder_writing import write_folder
from lfw_jax.data.formats.verification_bin import write_verification_bin
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.holding_out import split_seed
from lfw_jax.data.protocols.splitting import evaluation_pairs
from lfw_jax.data.records.writing import write_records
from lfw_jax.data.sources import read_path, read_source
from lfw_jax.errors import UserError
from lfw_jax.faces.align_set import aligned_images
from lfw_jax.jobs.alignment import alignment_engine
from lfw_jax.jobs.dispatch import Request
from lfw_jax.report.progress import stage
from lfw_jax.report.terminal_text import print_lines

_KINDS = (
    "train.rec (RecordIO, with train.idx and property beside it), a .bin (the test pairs of --config.data.protocol), an .npz, or "
    "a folder"
)
_NOT_WRITTEN = (".csv", ".idx", ".zip", ".tfrecord")  # formats of other tools, not names of a folder


def export(request: Request) -> None:
    """Write the images of `--input` or of the configured data to `--output`, in the format of its ending.

    `.rec`, `.npz` and a folder contain all images; `.bin` contains the test pairs of `config.data.protocol`. Image
    files are copied byte for byte, pixels become PNG. With `config.data.align` the crops of `config.align` are
    written instead. Existing files are never overwritten, and no incomplete file remains after an error.

    Args:
      request: The flags and the configuration.

    Raises:
      UserError: If there is nothing to read, `--output` exists, or its format cannot be written.
    """
    if not request.output:
        raise UserError(f"--output is empty; expected {_KINDS}.")
    output, config = Path(request.output), cast(Any, request.config)
    if (output.exists() or output.is_symlink()) and not (output.is_dir() and not any(output.iterdir())):
        raise UserError(f"--output: {output} exists already. Choose another name, or remove it.")
    images, data_dir = (
        read_path(request.input) if request.input else read_source(config.data, request.folder.parent / "synthetic")
    )
    if images.skipped:
        print_lines(
            f"{len(images.skipped)} images are excluded, the first {images.skipped[0].path}: {images.skipped[0].reason}"
        )
    engine = None
    if config.data.align:
        config = config.copy_and_resolve_references()
        config.data.margin = 0  # other tools use a crop as it is, without the margin for augmentation
        engine = alignment_engine(config, images, data_dir, request.folder)
        images, _, note = aligned_images(images, config, stage=stage, engine=engine)
        print_lines(note)
    ending = output.suffix.lower()
    if ending == ".bin":
        pairs, test_images, aligned = evaluation_pairs(images, config.data, data_dir, seed=split_seed(config))
        if engine and test_images is not images and not aligned:
            test_images = aligned_images(test_images, config, stage=stage, engine=engine)[0]
        write_verification_bin(output, test_images, pairs)
        same = int(pairs.same.sum())
        request.deliver({"output": str(output), "list": pairs.name, "pairs": len(pairs), "same_pairs": same})
        return print_lines(f"{output}: {len(pairs):,} pairs of {pairs.name}, {same:,} of one identity")
    if ending == ".rec":
        write_records(output.parent, images, name=output.stem)
    elif ending == ".npz":
        write_array(output, images)
    elif ending in _NOT_WRITTEN and not output.is_dir():
        raise UserError(f"--output: {output} is a format that cannot be written; expected {_KINDS}.")
    else:
        write_folder(output, images)
    request.deliver(
        {
            "output": str(output),
            "images": len(images),
            "identities": len(images.names),
            "pixels": images.storage == "pixels",
            "excluded": len(images.skipped),
        }
    )
    return print_lines(f"{output}: {_counts(images)}")


def _counts(images: ImageSet) -> str:
    kind = "pixels" if images.storage == "pixels" else "image files, byte for byte"
    return f"{len(images):,} images of {len(images.names):,} identities ({kind})"
