"""Inspection of a data set before training: its facts and its problems."""

from lfw_jax.inspection import duplicates
from lfw_jax.inspection.concerns import Plan
from lfw_jax.inspection.parts import people_rows
from lfw_jax.inspection.survey import Survey, survey

__all__ = ["Plan", "Survey", "duplicates", "people_rows", "survey"]
