"""Figures and the report page, as functions of the tables under `reports/`."""

from pathlib import Path

EFFECTS = tuple(Path(f"reports/effects{kind}.png") for kind in ("", "_dark", "_phone", "_phone_dark"))
"""The plot of effects, which heads the READMEs: by the reader's colors and screen."""
