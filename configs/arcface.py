"""Experiment 3: ResNet-50 and ArcFace with the scale of AdaCos.

Reproduces the report's last attempt (Deng et al. 2019, arXiv:1801.07698): margin 0.5 rad, AdamW with weight decay
0.05. The scale √2·ln(C − 1) follows from the number of training identities: 11.7 for the 4,038 of View 1, 12.24 for
all 5,749. The report used Adam at first: `--config.optimizer.name=adam --config.optimizer.weight_decay=0`.

    python launch.py --config=configs/arcface.py --config.data.source=folder --config.data.dir=LFW

Cost: 1.1 million images; 20 hours on two CPU cores (15 images per second). Meant for a GPU.
Expect: overfitting, as in the report. The training loss becomes small, but the distances of unseen identities stay
near one value for positive and negative pairs. With a margin of 0.5 and so small a scale, the loss stays high even if
the training identities are classified correctly.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="arcface", margin=0.5, scale="adacos"))
    config.optimizer.name = "adamw"
    config.optimizer.weight_decay = 0.05
    return config
