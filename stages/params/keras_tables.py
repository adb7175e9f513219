"""Tables of Keras's own functions, for three figures: `stages.plot` draws them without TensorFlow.

`stages.configure` writes them, since it has loaded Keras anyway where they are not kept of an earlier run.
"""

from collections.abc import Mapping
from pathlib import Path

from stages.params.kept import NOTHING, Kept
from stages.training import import_tensorflow
from stages.training.recipe import Recipe

KERAS_TABLES = Path("data/keras_tables")
ACTIVATIONS, INITIALIZERS, SCHEDULES = "activations.csv", "initializers.csv", "schedules.csv"

DIGITS = 6
"""Products are in float64, which processors round differently only beyond the digits that are written."""


def write_keras_tables(recipes: Mapping[str, Recipe], folder: Path = KERAS_TABLES, kept: Kept = NOTHING) -> None:
    """Write the three tables as CSV; the same recipes give the same bytes.

    activations.csv: input, and the output of each activation in a column of its own.
    initializers.csv, schedules.csv: see `initializer_table` and `schedule_table` of `stages.params.keras_functions`.

    recipes: complete ones by variant; folder: made if it is missing; kept: results of earlier runs.
    """
    with_schedule = {
        variant: recipe
        for variant, recipe in recipes.items()
        if isinstance(recipe.get("optimizer", {}).get("learning_rate"), Mapping)
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in kept.once({"keras_tables": with_schedule}, lambda: _tables(with_schedule)).items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _tables(recipes: Mapping[str, Recipe]) -> dict[str, str]:
    import_tensorflow()
    from stages.params.keras_functions import activation_table, initializer_table, schedule_table

    tables = {
        ACTIVATIONS: activation_table(),
        INITIALIZERS: initializer_table(),
        SCHEDULES: schedule_table(recipes),
    }
    return {
        name: table.to_csv(index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")
        for name, table in tables.items()
    }
