"""Experiment 2a: ResNet-50, contrastive loss on the pairs of semihard triplets.

Reproduces the report's mined pairs: 32 people × 4 images a batch; the triplet-margin miner selects triplets with
`0 < d_an − d_ap ≤ 0.2`, and each pair counts once a triplet. People with fewer than four images fill up by repetition.

    python launch.py --config=configs/contrastive_semihard.py --config.data.source=folder --config.data.dir=LFW

Cost: 1.8 million images: 34 hours on two CPU cores (15 images a second); meant for a GPU.
Expect: a loss near 1 all along, by its construction (docs/results.md); "works on some examples", better than random pairs.
Most of LFW's people have one image, so most of their positives are repetitions; `--config.sampler.short=leave_out` trains
on people with four images or more alone.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="contrastive", form="linear", pos_margin=0.0, neg_margin=1.0))
    config.miner = ConfigDict(dict(name="triplet_margin", margin=0.2, kind="semihard"))
    config.sampler.name = "people_images"
    return config
