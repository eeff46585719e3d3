"""Tables of embeddings without photos."""

import numpy as np

from lfw_jax.inference.model.embedding_table import EmbeddingTable


def table_of(embeddings: np.ndarray, sources: list[str] | None = None) -> EmbeddingTable:
    count = len(embeddings)
    return EmbeddingTable(
        np.asarray(embeddings, np.float32),
        np.array([f"identity {row // 3}" for row in range(count)], np.str_),
        np.arange(count) % 3 + 1,
        np.array(sources or [f"{row}.jpg" for row in range(count)], np.str_),
        np.full((count, 4), np.nan, np.float32),
        np.full(count, np.nan, np.float32),
        np.zeros(count, np.int64),
    )


def directions(count: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    """Return embeddings of length 1: three images of each identity."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.standard_normal((-(-count // 3), dim)), 3, axis=0)[:count]
    found = centres + 0.5 * rng.standard_normal((count, dim))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
