"""The parts of `stages.parallel`: the graph of the stages, and the processes that they run in."""
