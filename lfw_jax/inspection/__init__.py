"""Inspection of a data set before training: its facts and its problems."""

from lfw_jax.inspection import duplicates
from lfw_jax.inspection.concerns import Plan
from lfw_jax.inspection.parts import identity_rows
from lfw_jax.inspection.survey import Survey, survey

__all__ = ["Plan", "Survey", "duplicates", "identity_rows", "survey"]
