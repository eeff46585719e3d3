"""Texture descriptors: images to feature vectors that are not learned from labels."""
