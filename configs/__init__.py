"""Configurations, one per file; installed as `lfw_jax.configs`.

Copy the nearest one to start a new one.
"""
