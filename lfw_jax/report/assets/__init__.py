"""Template, styles and scripts of a page, which are inlined into one HTML file."""
