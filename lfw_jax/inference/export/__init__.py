"""Trained networks as files of other runtimes: ONNX, StableHLO and SavedModel, each checked against JAX after it is written."""
