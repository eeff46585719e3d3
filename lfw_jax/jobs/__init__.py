"""Each job wires the rooms below and holds no logic of its own."""
