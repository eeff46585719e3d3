"""Duplicate images: perceptual hashes, near duplicates, leakage between training and test sets."""
