"""All measurements that need a GPU, from one command: `python -m benchmarks.gpu`."""
