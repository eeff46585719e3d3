"""Batches of pixels: sampling image indices and decoding the images, ahead of the consumer."""
