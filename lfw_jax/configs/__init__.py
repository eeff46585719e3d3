"""Importable configurations: `from lfw_jax.configs import base`, in a checkout or installed.

In a checkout their files are in `configs/` at the top level, to which this module points. A wheel contains those files
in place of this module.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from configs import base as base
    from configs import descriptors_jb as descriptors_jb
    from configs import lfw_cpu as lfw_cpu

__path__ = [str(Path(__file__).parents[2] / "configs")]
