"""Identification and retrieval: pure functions of embeddings, in blocks."""
