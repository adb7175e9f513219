"""Comparisons of trained variants: scores, intervals, verdicts, answers, and the reproduction of published values."""
