"""MTCNN by the mtcnn package: its settings, and its networks applied to batches of images."""
