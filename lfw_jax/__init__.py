"""Deep metric learning on faces in JAX: train, judge, explain and use face-verification embeddings."""
