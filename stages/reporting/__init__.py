"""Figures and the report page, as functions of the tables under `reports/`."""
