"""Differences between trained models: their size, their 95 % interval, and whether they are more than noise."""
