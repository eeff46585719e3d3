"""MTCNN by the mtcnn package: its settings, and its networks run over many images at once."""
