"""Faces: where they are in an image (`detection`), and their crop in one common pose (`alignment`)."""
