"""Who trains and who is judged: lists of pairs and people, splits."""
