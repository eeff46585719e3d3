"""What a data set holds, before anything trains on it: counts, headers, duplicates, parts, draws, and what is amiss."""

from lfw_jax.inspection import duplicates
from lfw_jax.inspection.concerns import Plan
from lfw_jax.inspection.parts import identity_rows
from lfw_jax.inspection.survey import Survey, survey

__all__ = ["Plan", "Survey", "duplicates", "identity_rows", "survey"]
