"""Importable configurations: `from lfw_jax.configs import base`, in a checkout or installed.

In a checkout their files are in `configs/` at the top level, to which this module points. A wheel contains those files
in place of this module.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from configs import ablation as ablation
    from configs import arcface as arcface
    from configs import base as base
    from configs import contrastive_semihard as contrastive_semihard
    from configs import cpu as cpu
    from configs import descriptors_jb as descriptors_jb
    from configs import fisher_jb as fisher_jb
    from configs import lfw_cpu as lfw_cpu
    from configs import margin_histogram as margin_histogram
    from configs import resnet_contrastive as resnet_contrastive
    from configs import siamese_contrastive as siamese_contrastive

__path__ = [str(Path(__file__).parents[2] / "configs")]
