"""Jobs: one module per mode of the command line, which wires the packages below it."""
