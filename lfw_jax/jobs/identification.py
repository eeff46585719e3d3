"""Identification of a run: among the images of its test list, and by the configured protocols."""

import dataclasses
import traceback
from collections.abc import Mapping

from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.identification.identify import identify_images
from lfw_jax.evaluation.identification.results import IdentificationResult
from lfw_jax.inference.identification import identify_set
from lfw_jax.inference.run_embedder import RunEmbedder
from lfw_jax.jobs.run_data import RunData


@dataclasses.dataclass(frozen=True)
class Identification:
    """The results of identification of a run.

    Attributes:
      test: the result among the images of the test list; None if there is none.
      sets: the results of the protocols by name.
      failed: the reason for each protocol that could not be evaluated, by its name.
    """

    test: IdentificationResult | None = None
    sets: Mapping[str, IdentificationResult] = dataclasses.field(default_factory=dict)
    failed: Mapping[str, str] = dataclasses.field(default_factory=dict)


def identify(run_data: RunData, embedder: RunEmbedder, test: EmbeddedImages) -> Identification:
    """Identify the images of the test list among themselves, and evaluate each protocol.

    A protocol that fails costs no other result.

    Args:
      run_data: the protocols.
      embedder: what embeds the images.
      test: the embedded images of the test list.
    """
    sets, failed = {}, {}
    for item in run_data.evaluation_plan.identification:
        try:
            sets |= identify_set(embedder, item)
        except UserError as error:
            failed[item.name] = str(error)
        except Exception as error:  # whatever it is, a night of training must not end without its report
            traceback.print_exc()
            failed[item.name] = f"{type(error).__name__}: {error}."
    # A list that names no identities, such as a .bin, may have one person under several names.
    return Identification(identify_images(test) if run_data.split.test.named else None, sets, failed)
