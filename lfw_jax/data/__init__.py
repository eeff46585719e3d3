"""From files to batches: sources, protocol lists, samplers, decoding, augmentation."""
