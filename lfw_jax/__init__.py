"""Deep metric learning on faces in JAX: train, evaluate and use embeddings for face verification."""
