"""From image files to batches of pixels: which images, decoded how, in which order."""
