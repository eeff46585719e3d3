"""InsightFace's RecordIO sets: `.rec`, `.idx` and `property`, memory-mapped and indexed."""
