"""Inference: embeddings and scores from a trained network, without training data or optimiser."""
