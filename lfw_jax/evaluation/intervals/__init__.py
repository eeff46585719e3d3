"""Intervals of verification metrics for pairs that depend on one another through shared identities."""
