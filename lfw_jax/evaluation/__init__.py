"""Metrics of embeddings: pure functions of embeddings and scored pairs, without models, data readers or training."""
