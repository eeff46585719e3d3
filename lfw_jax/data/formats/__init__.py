"""Images in the formats that people keep them in: read where they lie, written for other tools."""
