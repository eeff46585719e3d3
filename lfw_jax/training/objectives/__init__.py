"""Objectives: losses with their parameters and state, built by name from a configuration."""
