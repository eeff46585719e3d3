"""Readers and writers of the image formats in common use."""
