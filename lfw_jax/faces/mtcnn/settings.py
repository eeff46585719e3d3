"""How faces are looked for: as the mtcnn package (1.0.0) does by default. Both ways to run its networks go by it."""

SMALLEST_FACE = 20
"""Pixels. With a larger one the package fails."""

SMALLEST_IMAGE = 24
"""Pixels of the shorter side. Ours: smaller images hold no face; the package itself looks at none below 21 pixels."""

WINDOW = 12
"""Pixels: what the first network sees at once."""

STEP = 0.709
"""From scale to scale: about half the area."""

THRESHOLDS = (0.6, 0.7, 0.8)
"""What a candidate must score in each network."""

OVERLAPS = (0.5, 0.7, 0.7, 0.7)
"""By how much candidates may overlap: within one scale, over all scales, after the second network and after the third."""
