"""The parts of `stages.parallel`: the graph of the stages, and their processes."""
