"""Calibration: likelihood ratios, thresholds for target error rates, score normalisation."""
