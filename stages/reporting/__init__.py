"""Figures and the report page, as functions of the tables under `reports/`."""

from pathlib import Path

FIGURES = Path("reports/figures")
"""Written by `stages.plot`, shown by `stages.page`."""
EFFECTS = Path("reports/effects.png")
"""The answers to all questions in one picture."""
