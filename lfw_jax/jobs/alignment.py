"""The engine of alignment of a configuration, which may be learned from its training images."""

from pathlib import Path

from ml_collections import ConfigDict

from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.partition import partition
from lfw_jax.faces.align_set import cache_folder
from lfw_jax.faces.aligned_folder import SETTINGS
from lfw_jax.faces.congealing.learning import learn_alignment
from lfw_jax.faces.congealing.model import AlignmentModel, CongealingSettings
from lfw_jax.faces.engines import CONGEALING, Engine, engine_of, learned_engine
from lfw_jax.report.progress import stage

MODEL = "alignment_model.npz"
"""The learned alignment, in a work directory and in a folder of aligned faces."""


def alignment_engine(config: ConfigDict, originals: ImageSet, data_dir: Path, folder: Path) -> Engine:
    """Return the engine that finds the faces of a data set.

    A learned alignment is that of the folder if it has one, else that of `config.align.model`. Otherwise it is learned from the
    training images of the split: neither test images nor images of held-out identities take part.

    Args:
      config: the whole configuration.
      originals: all images of the data set, before alignment.
      data_dir: the folder of the data, which may hold the lists of the split.
      folder: the work directory or the folder of the aligned faces, which need not exist.

    Raises:
      UserError: a setting is invalid, the data cannot be split, or the cache cannot be written.
    """
    if config.align.engine != CONGEALING:
        return engine_of(config.align)
    begun = any((folder / name).is_file() for name in ("config.json", SETTINGS))
    if begun and (folder / MODEL).is_file():
        return learned_engine(AlignmentModel.load(folder / MODEL))
    if config.align.model:
        return engine_of(config.align)
    plain = config.copy_and_resolve_references()
    plain.data.near_duplicates = "ignore"  # they are searched after the alignment
    training = partition(originals, plain, data_dir, folder)[0].training
    settings = CongealingSettings(crop=config.align.fallback_crop)
    cache = cache_folder(config) / "models"
    return learned_engine(learn_alignment(training, settings, cache, seed=config.seed, stage=stage))
