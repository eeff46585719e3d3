"""Diagnosis: the reasons behind the metrics, as pure functions of scores, embeddings and image attributes."""
