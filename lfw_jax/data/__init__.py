"""From files to batches: sources, formats, decoding, duplicates, protocol lists, samplers."""
