"""Configurations, one per file; installed as `lfw_jax.configs`. A new one starts as a copy of the nearest."""
