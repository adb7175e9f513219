"""What the variants' predictions are worth, measured one variant at a time."""
