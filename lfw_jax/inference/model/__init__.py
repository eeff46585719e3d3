"""A trained system as a directory that stands alone, and its use on photos without the training data."""
