"""Objectives: a loss of embeddings, with the parameters it learns and the state it keeps, by its name in a configuration."""
