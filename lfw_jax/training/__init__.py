"""Training: objectives, the training step, schedules, devices, batches, checkpoints and the loop."""
