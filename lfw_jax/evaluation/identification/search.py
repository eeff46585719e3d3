"""Search of probes in a gallery, in blocks: candidates, rank of the mate, best other entry.

The similarity is the cosine of two embeddings. The matrix of all similarities is never held: for each block of probes and each
block of the gallery there is one matrix product in float32, of which only the wanted numbers are kept.

Ties are resolved against the mate: similarities that differ by less than `TIE`, about the rounding of such a product, count as
equal, and of equally similar entries those of other identities come first. A network that maps every image to one point thus
finds no mate. Ties within the mates, or within the others, are resolved by the order of the gallery.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, Int

from lfw_jax.errors import UserError
from lfw_jax.evaluation.identification.best_candidates import BestCandidates
from lfw_jax.evaluation.identification.mates import Mates, find_mates, pair_similarities
from lfw_jax.evaluation.identification.protocol import Templates

TIE = np.float32(1e-6)
"""Similarities that differ by less count as equal."""

BLOCK = (256, 8192)
"""Default size of a block in probes and gallery entries: 8 MB of similarities."""

_LOWEST = np.float32(-np.inf)


@dataclasses.dataclass(frozen=True, eq=False)
class SearchResult:
    """The outcome of the search of each probe.

    Attributes:
      candidates: gallery indices of the most similar entries, the best first; -1 where the gallery has no more.
      similarities: their similarities, those of mates less `TIE`; -inf where the gallery has no more.
      mate_ranks: rank of the best mate from 1: one more than the number of entries of other identities that are at least as
        similar; 0 for a probe without mate.
      mate_similarities: similarity of the best mate; -inf for a probe without mate.
      other_similarities: similarity of the best entry of another identity; -inf if the gallery has none.
    """

    candidates: Int[np.ndarray, "probes best"]
    similarities: Float32[np.ndarray, "probes best"]
    mate_ranks: Int[np.ndarray, "probes"]
    mate_similarities: Float32[np.ndarray, "probes"]
    other_similarities: Float32[np.ndarray, "probes"]

    @property
    def mated(self) -> Bool[np.ndarray, "probes"]:
        """True for the probes with a mate in the gallery."""
        return self.mate_ranks > 0


def search(probes: Templates, gallery: Templates, *, best: int = 1, block: tuple[int, int] = BLOCK) -> SearchResult:
    """Search every probe in a gallery.

    Args:
      probes: the probes.
      gallery: the gallery; entries with the identity of a probe are its mates.
      best: number of candidates to keep of each probe; 0 for none.
      block: number of probes and of gallery entries that are compared at a time.

    Raises:
      UserError: no probe, an empty gallery, or embeddings of different lengths.
    """
    blocks = [result for _, result in search_blocks(probes, gallery, best=best, block=block)]
    fields = [field.name for field in dataclasses.fields(SearchResult)]
    return SearchResult(**{name: np.concatenate([getattr(part, name) for part in blocks]) for name in fields})


def search_blocks(
    probes: Templates,
    gallery: Templates,
    *,
    best: int = 1,
    leave_one_out: bool = False,
    block: tuple[int, int] = BLOCK,
) -> Iterator[tuple[slice, SearchResult]]:
    """Yield the searches of one block of probes after another, which need not be kept.

    Args:
      probes: the probes.
      gallery: the gallery.
      best: number of candidates to keep of each probe; 0 for none.
      leave_one_out: probes and gallery are one set; a probe is not compared with itself.
      block: number of probes and of gallery entries that are compared at a time.

    Raises:
      UserError: no probe, an empty gallery, or embeddings of different lengths.
      ValueError: `leave_one_out` with a gallery that is not the probes.
    """
    if leave_one_out and probes is not gallery:
        raise ValueError("leave_one_out: expected one set as probes and as gallery")
    for side, what in ((gallery, "gallery"), (probes, "set of probes")):
        if not len(side):
            raise UserError(f"{side.name}: found an empty {what}, expected at least one template. Correct the list.")
    if probes.embeddings.shape[1] != gallery.embeddings.shape[1]:
        raise UserError(
            f"{probes.name}: found embeddings of length {probes.embeddings.shape[1]}, expected {gallery.embeddings.shape[1]} as "
            f"in {gallery.name}. Embed both with one network."
        )
    mates = find_mates(probes, gallery)
    for start in range(0, len(probes), block[0]):
        part = slice(start, min(start + block[0], len(probes)))
        yield part, _search_part(probes, gallery, mates, part, (best, block[1], leave_one_out))


def _search_part(
    probes: Templates, gallery: Templates, mates: Mates, part: slice, options: tuple[int, int, bool]
) -> SearchResult:
    """Search the probes of one block in the whole gallery, block by block."""
    best, width, leave_one_out = options
    embeddings = probes.embeddings[part]
    rows, columns = mates.pairs(part, leave_one_out=leave_one_out)
    of_mates = pair_similarities(embeddings, gallery.embeddings, rows, columns)
    mate = np.full(len(embeddings), _LOWEST)
    np.maximum.at(mate, rows, of_mates)
    has_mate = np.bincount(rows, minlength=len(embeddings)) > 0
    limit = np.where(has_mate, mate - TIE, np.float32(np.inf))
    ranks, other = has_mate.astype(np.int64), np.full(len(embeddings), _LOWEST)
    kept = BestCandidates(len(embeddings), best)
    for start in range(0, len(gallery), width):
        similarities = embeddings @ gallery.embeddings[start : start + width].T
        first, last = np.searchsorted(columns, (start, start + similarities.shape[1]))
        at = rows[first:last], columns[first:last] - start
        if leave_one_out:
            itself = np.arange(max(start, part.start), min(start + similarities.shape[1], part.stop))
            similarities[itself - part.start, itself - start] = _LOWEST
        similarities[at] = _LOWEST
        np.maximum(other, similarities.max(axis=1), out=other)
        ranks += np.count_nonzero(similarities > limit[:, None], axis=1)
        if best:
            similarities[at] = of_mates[first:last] - TIE
            kept.add(similarities, start)
    return SearchResult(kept.indices, kept.similarities, ranks, mate, other)
