"""Evaluation of fused systems: each member alone, their correlations, and the gain of the fusion."""
