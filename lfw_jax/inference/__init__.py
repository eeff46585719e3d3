"""Inference: a trained network and the images it embeds, without its training data, optimiser or identities."""
