"""One change at a time from one baseline, ten minutes of two CPU cores a run.

    make ablation MINUTES=240 OPTIONS="--config.data.source=folder --config.data.dir=LFW"

Each file states its change and the hypothesis behind it. The threshold needs no training: every run is evaluated at both.
"""

from . import arcface_report as arcface_report
from . import baseline as baseline

_LENGTH = ("training.epochs", "optimizer.warmup_epochs", "evaluation.every_epochs")

RUNS = {
    "baseline": (),
    "seed_1": ("seed",),
    "unaligned": ("data.align",),
    "flip_only": ("augmentation",),
    "no_augmentation": ("augmentation",),
    "arcface_report": ("loss",),
    "arcface_without_norm": ("loss", "model.embedding_norm"),
    "arcface_sharp_without_norm": ("loss", "model.embedding_norm"),
    "contrastive_random": ("loss", "sampler.name"),
    "contrastive_semihard": ("loss", "miner", "sampler.name", *_LENGTH),
    "no_singletons": ("data.min_images_per_identity", *_LENGTH),
    "no_embedding_norm": ("model.embedding_norm",),
    "no_dropout": ("model.dropout",),
    "weight_decay_4": ("optimizer.weight_decay",),
    "arcface_64": ("loss",),
    "scale_1": ("loss.scale",),
    "scale_2": ("loss.scale",),
    "people_images": ("sampler.name", *_LENGTH),
    "side_32": ("data.side", "data.margin", "evaluation.shift"),
    "side_48": ("data.side", "data.margin", "evaluation.shift"),
    "weight_decay_0": ("optimizer.weight_decay",),
    "weight_decay_half": ("optimizer.weight_decay",),
    "margin_histogram": ("loss", "miner", "sampler.name", *_LENGTH),
    "seed_2": ("seed",),
    "side_96": ("data.side", "data.margin", "evaluation.shift"),
}
"""The keys or groups that each configuration of this folder changes, the baseline first and then what promises to matter most.

Where an epoch has another number of batches, its length changes so that the number of images stays."""
