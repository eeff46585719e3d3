"""ArcFace as in the report: margin 0.5, scale √2·ln(C − 1) = 11.7.

Hypothesis: with so large a margin and so small a scale the gradient pulls every image to its prototype until the end,
and neither spreads identities enough.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.loss = ConfigDict(dict(name="arcface", margin=0.5, scale="adacos"))
    return config
