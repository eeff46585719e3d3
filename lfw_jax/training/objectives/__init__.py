"""Objectives: losses of embeddings with their parameters and state, by name in a configuration."""
