"""The gallery entries of each probe's own identity, and their similarities."""

import dataclasses

import numpy as np
from jaxtyping import Float32, Int

from lfw_jax.evaluation.identification.protocol import Templates

_CHUNK = 16_384  # pairs whose embeddings are in memory at a time


@dataclasses.dataclass(frozen=True, eq=False)
class Mates:
    """The pairs of a probe and a gallery entry of the same identity.

    Attributes:
      entries: indices in the gallery, ordered by identity.
      starts: for each probe, the index in `entries` of its first mate.
      counts: for each probe, the number of entries of its identity. In a search of a set in itself, the probe is one of them.
    """

    entries: Int[np.ndarray, "gallery"]
    starts: Int[np.ndarray, "probes"]
    counts: Int[np.ndarray, "probes"]

    def pairs(self, block: slice, *, leave_one_out: bool) -> tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]]:
        """Return the row in a block of probes, and the gallery index, of each pair, ordered by gallery index.

        Args:
          block: the probes.
          leave_one_out: leave out the pairs of a probe with itself.
        """
        counts = self.counts[block]
        rows = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        columns = self.entries[np.repeat(self.starts[block], counts) + within]
        order = np.argsort(columns, kind="stable")
        rows, columns = rows[order], columns[order]
        if leave_one_out:
            other = columns != rows + block.start
            rows, columns = rows[other], columns[other]
        return rows, columns


def find_mates(probes: Templates, gallery: Templates) -> Mates:
    """Find the gallery entries of each probe's identity; a distractor is nobody's mate.

    Args:
      probes: the probes.
      gallery: the gallery.
    """
    entries = np.argsort(gallery.subjects, kind="stable")
    names = gallery.subjects[entries]
    starts = np.searchsorted(names, probes.subjects, side="left")
    counts = np.searchsorted(names, probes.subjects, side="right") - starts
    return Mates(entries, starts, np.where(probes.known, counts, 0))


def pair_similarities(
    probes: Float32[np.ndarray, "rows dim"],
    gallery: Float32[np.ndarray, "gallery dim"],
    rows: Int[np.ndarray, "pairs"],
    columns: Int[np.ndarray, "pairs"],
) -> Float32[np.ndarray, "pairs"]:
    """Return the similarity of each listed pair of unit embeddings.

    Args:
      probes: embeddings of the probes.
      gallery: embeddings of the gallery.
      rows: index of the probe of each pair.
      columns: index of the gallery entry of each pair.
    """
    found = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        found[chunk] = np.einsum("pd,pd->p", probes[rows[chunk]], gallery[columns[chunk]])
    return found
