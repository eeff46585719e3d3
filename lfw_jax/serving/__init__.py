"""A local web service for a trained system: its routes, its limits, its queue of work and its page."""
