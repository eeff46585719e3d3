"""Calibration: likelihood ratios, thresholds for wished error rates, score normalisation."""
