"""The report's experiments on two CPU cores with one change: batch normalisation of the embedding.

    make repair MINUTES=120 OPTIONS="--config.data.source=folder --config.data.dir=LFW"

Experiment 1.1 is not among them: its loss has a margin of 1 for raw embeddings, which normalisation would make 16 apart.
"""

RUNS = ("arcface", "contrastive_semihard", "margin_histogram", "resnet_contrastive")
"""The configurations of this folder: ArcFace first, whose repair docs/why.md explains."""
