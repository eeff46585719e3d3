"""Deep metric learning on faces in JAX: train, evaluate, explain and use face-verification embeddings."""
