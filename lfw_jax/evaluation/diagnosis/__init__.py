"""Diagnosis: the reasons behind the metrics, from scores, embeddings and image attributes."""
