"""The settings of face detection by both engines: the defaults of mtcnn 1.0.0."""

SMALLEST_FACE = 20
"""The side of the smallest face in pixels. The package fails with a larger value."""

SMALLEST_IMAGE = 24
"""The shorter side of the smallest image in pixels. Smaller images are treated as without faces; the package's limit is 21."""

WINDOW = 12
"""The side of the first network's window in pixels."""

STEP = 0.709
"""The factor between successive scales: about half the area."""

THRESHOLDS = (0.6, 0.7, 0.8)
"""The score that a candidate must exceed in each network."""

OVERLAPS = (0.5, 0.7, 0.7, 0.7)
"""The highest overlap of candidates: within a scale, across scales, after the second and after the third network."""
