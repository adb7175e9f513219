"""The data sets, one module each, named as in `params.yaml`; `spec.py` says what such a module has to state."""
