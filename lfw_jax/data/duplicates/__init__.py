"""Images that show the same picture: hashes, near duplicates, leakage between training and test sets."""
