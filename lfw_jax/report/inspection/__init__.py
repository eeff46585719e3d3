"""The report of an inspection: its facts in groups, on the terminal and as a page with plots."""
