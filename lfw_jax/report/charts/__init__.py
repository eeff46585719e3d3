"""Charts drawn as SVG, as tables, and as the JSON that the script of a page reads."""
