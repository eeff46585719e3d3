"""A comparison of runs as a page, as charts and in the terminal."""
