"""Evaluation of fused systems: each member alone, how alike the members are, and the gain of their fusion."""
