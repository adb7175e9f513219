"""The data sets, one module each, named as in `params.yaml`; see `spec.py`, and for CSV files `csv_table.py`."""
