"""The five experiments of the report on two CPU cores: half an hour each, with as many images.

make reproduction MINUTES=180 OPTIONS="--config.data.source=folder --config.data.dir=LFW"
"""

RUNS = (
    "siamese_contrastive",
    "resnet_contrastive",
    "contrastive_semihard",
    "margin_histogram",
    "arcface",
    "arcface_resnet50",
)
"""The configurations of this folder, in the order of the report."""
