"""The gallery that a request names: a file of embeddings with its index, or photos."""

from pathlib import Path

from lfw_jax.inference.model.embedding_table import SkippedPhoto
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.gallery import EXACT_BELOW, Gallery
from lfw_jax.jobs.photo_embedding import embedded_photos, is_table
from lfw_jax.report.progress import stage


def open_gallery(
    verifier: FaceVerifier, value: str, flag: str, *, aligned: bool, exact_below: int = EXACT_BELOW
) -> tuple[Gallery, tuple[SkippedPhoto, ...]]:
    """Return the gallery that a flag names, and the photos that are not in it.

    Args:
      verifier: the trained system.
      value: a `.npz` or `.parquet` file of `--mode=embed`, beside which an index is kept, or photos.
      flag: the flag that has this value, for messages.
      aligned: true if photos are crops that the model's alignment made.
      exact_below: number of faces from which an index is used.

    Raises:
      UserError: there is no face, the embeddings are of another model, or an index cannot be built.
    """
    table, skipped = embedded_photos(verifier, value, flag, aligned=aligned)
    path = Path(value) if is_table(Path(value)) else None
    with stage("indexing", len(table)) as progress:
        gallery = Gallery.of(table, verifier.card.sha256, path=path, exact_below=exact_below, progress=progress)
    return gallery, skipped
