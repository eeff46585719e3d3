"""Every figure that needs a GPU, from one command: `python -m benchmarks.gpu`."""
