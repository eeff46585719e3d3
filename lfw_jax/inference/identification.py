"""Identification protocols evaluated with a trained system."""

import numpy as np

from lfw_jax.data.protocols.identification_sets import IdentificationSet
from lfw_jax.evaluation.identification.identify import identify
from lfw_jax.evaluation.identification.protocol import Templates
from lfw_jax.evaluation.identification.results import IdentificationResult
from lfw_jax.evaluation.identification.retrieval import retrieve
from lfw_jax.evaluation.identification.templates import pool
from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import pair_distances, verify_folds
from lfw_jax.inference.run_embedder import RunEmbedder


def identify_set(embedder: RunEmbedder, item: IdentificationSet) -> dict[str, IdentificationResult]:
    """Embed the images of a protocol, pool them into templates, and search its probes in its galleries.

    Args:
      embedder: what embeds the images.
      item: the protocol.

    Returns:
      The results by name. A protocol of several galleries has one result for each, named `<set>/<gallery>`, and one for the
      retrieval and the pairs, which do not depend on the gallery.

    Raises:
      UserError: an image cannot be read, or an embedding is not finite.
    """
    embeddings = embedder.embed_protocol(item)
    images, distractors = np.split(embeddings, [len(item.rows.files)])
    every = templates_of(item, images)
    searches = {}
    for gallery_name, entries in item.galleries.items():
        name = item.name if len(item.galleries) == 1 else f"{item.name}/{gallery_name}"
        gallery = every.where(entries, gallery_name).with_distractors(distractors)
        searches[name] = identify(every.where(item.probes, f"{item.name} probes"), gallery, name=name)
    whole = searches.pop(item.name, IdentificationResult(item.name, gallery=0, identities=0, distractors=0))
    fields = vars(whole) | {"retrieval": retrieve(every), "verification": _verified(item, every)}
    return {item.name: IdentificationResult(**fields), **searches}


def templates_of(item: IdentificationSet, images: np.ndarray) -> Templates:
    """Return the pooled templates of a protocol.

    Args:
      item: the protocol.
      images: the embedding of each image of the templates.

    Raises:
      UserError: an embedding is not finite.
    """
    rows = item.rows
    return Templates(
        item.name, pool(images, rows.members, rows.templates, rows.media, rows.quality), np.array(rows.subjects)
    )


def _verified(item: IdentificationSet, every: Templates) -> ListResult | None:
    """Return the result of the pairs of templates, each fold at the threshold of the others."""
    pairs = item.pairs
    if pairs is None:
        return None
    distances = pair_distances(every.embeddings, pairs.first, pairs.second)
    identities = np.stack([every.subjects[pairs.first], every.subjects[pairs.second]], axis=1)
    return verify_folds(ScoredPairs(pairs.name, distances, pairs.same, identities, folds=pairs.folds)).metrics
