"""Face detection (`detection`) and alignment to a common pose (`alignment`)."""
