"""Experiment 3: ResNet-50, ArcFace with the scale of AdaCos.

Reproduces the report's last attempt (Deng et al. 2019, arXiv:1801.07698): margin 0.5 rad, scale √2·ln(C − 1), computed from
the number of training people (11.7 for the 4,038 of View 1; 12.24 for all 5,749), AdamW with weight decay 0.05. The report
began with Adam: `--config.optimizer.name=adam --config.optimizer.weight_decay=0`.

    python launch.py --config=configs/arcface.py --config.data.source=folder --config.data.dir=LFW

Cost: 1.1 million images: 20 hours on two CPU cores (15 images a second); meant for a GPU.
Expect: overfitting, as the report saw: the training loss falls far, the distances of unseen people stay near one value
whether same or different. A margin of 0.5 with so small a scale leaves the loss high even where the training people are
told apart.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="arcface", margin=0.5, scale="adacos"))
    config.optimizer.name = "adamw"
    config.optimizer.weight_decay = 0.05
    return config
