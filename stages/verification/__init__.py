"""The parts of `stages.verify`: what is recorded, and how far from it something else is."""
