"""Reports: TensorBoard events, progress, tables, plots and HTML pages of typed results and arrays."""
