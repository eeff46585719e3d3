"""A series of trainings within a given number of minutes, resumable, with a comparison at the end."""
