"""Comparison of runs on the same pairs: paired differences, their intervals and their significance."""
