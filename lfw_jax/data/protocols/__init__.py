"""Evaluation protocols: lists of pairs and identities, and splits into training, validation and test."""
