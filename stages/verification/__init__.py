"""The parts of `stages.verify`: the contents of dvc.lock, and the comparison of outputs with them."""
