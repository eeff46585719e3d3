"""The five experiments of the report on two CPU cores: half an hour each, with as many images.

make reproduction MINUTES=180 OPTIONS="--config.data.source=folder --config.data.dir=LFW"
"""

from . import arcface as arcface
from . import contrastive_semihard as contrastive_semihard
from . import margin_histogram as margin_histogram
from . import resnet_contrastive as resnet_contrastive

RUNS = (
    "siamese_contrastive",
    "resnet_contrastive",
    "contrastive_semihard",
    "margin_histogram",
    "arcface",
    "arcface_resnet50",
)
"""The configurations of this folder, in the order of the report."""
