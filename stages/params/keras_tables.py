"""Tables of Keras's own functions, for three figures: `stages.plot` draws them without TensorFlow.

`stages.configure` writes them, as `stages.params.keras_functions` computes them.
"""

from pathlib import Path

KERAS_TABLES = Path("data/keras_tables")
ACTIVATIONS, INITIALIZERS, SCHEDULES = "activations.csv", "initializers.csv", "schedules.csv"
