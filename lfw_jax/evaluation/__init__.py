"""The judge of embeddings: distances of pairs in, figures out. It works on arrays and knows no files and no models."""
