"""Trained networks as ONNX, StableHLO and SavedModel, each checked against JAX."""
