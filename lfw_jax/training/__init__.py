"""From batches to a trained network: objective, step, schedule, devices, checkpoints, loop."""
