"""The configurations under an importable name: `from lfw_jax.configs import base` works in a checkout and installed.

Their files lie in `configs/` at the top of a checkout, where this module points. A wheel holds those files in its place.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from configs import base as base
    from configs import lfw_cpu as lfw_cpu

__path__ = [str(Path(__file__).parents[2] / "configs")]
