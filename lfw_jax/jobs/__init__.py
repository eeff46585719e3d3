"""Each job wires the packages below and holds no logic of its own."""
