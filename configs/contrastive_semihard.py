"""Experiment 2a: ResNet-50 and contrastive loss on the pairs of semihard triplets.

Reproduces the report's mined pairs: batches of 32 identities × 4 images. The triplet-margin miner selects triplets
with `0 < d_an − d_ap ≤ 0.2`, and each pair counts once per triplet. Images of identities with fewer than four are
repeated.

    python launch.py --config=configs/contrastive_semihard.py --config.data.source=folder --config.data.dir=LFW

Cost: 1.8 million images; 34 hours on two CPU cores (15 images per second). Meant for a GPU.
Expect: a loss near 1 throughout, which follows from its definition (docs/results.md); in the words of the report
"works on some examples", better than random pairs. Most identities of LFW have one image, so most of their positives
are repetitions; `--config.sampler.short=leave_out` trains only on identities with at least four images.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="contrastive", form="linear", pos_margin=0.0, neg_margin=1.0))
    config.miner = ConfigDict(dict(name="triplet_margin", margin=0.2, kind="semihard"))
    config.sampler.name = "people_images"
    return config
