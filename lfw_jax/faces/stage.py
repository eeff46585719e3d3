"""The announcement of long work, which the caller shows as it likes."""

from collections.abc import Callable
from contextlib import AbstractContextManager

Stage = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Announces a stage by name and number of images, and yields a function that takes the number of finished ones."""
