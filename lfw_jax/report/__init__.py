"""What a run shows a person: TensorBoard, a progress line, tables, figures, one HTML page. Arrays and dicts come in."""
