"""How fast the trainings are, beside plain Keras, PyTorch and JAX: `bash benchmarks/run`.

The runner (`__main__`) starts every measured process, pinned to one core save where it is said, and keeps what they say
in `results.json`; `report` makes `RESULTS.md` from that alone.
"""
