"""Metrics and tables of the variants' predictions, one variant at a time."""
