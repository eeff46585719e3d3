"""The output for people: TensorBoard, progress, tables, plots and HTML pages, made from typed results and arrays."""
