"""Evaluation: metrics as pure functions of embeddings and scored pairs, and their typed results."""
