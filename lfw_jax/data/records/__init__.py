"""InsightFace's RecordIO sets: `.rec`, `.idx` and `property`, mapped and indexed."""
