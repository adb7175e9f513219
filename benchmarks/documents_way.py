"""One variant as the source documents train it: `python -m benchmarks.documents_way <variant>`.

Keras is imported as it comes (by the builder), the arrays are loaded whole, a plain model is fitted on them with its
validation rows and evaluated on the test rows; nothing is saved but what the recipe's callbacks save.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np

from stages.splits import load_split
from stages.training.builder import build_callbacks, build_model, compile_model
from stages.training.data import inputs_of, targets_of


def main() -> None:
    """Train, evaluate, and print the metrics of the test rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variant")
    variant = parser.parse_args().variant
    recipe = json.loads(Path(f"data/recipes/{variant}.json").read_text(encoding="utf-8"))
    split = load_split(recipe["dataset"], recipe["split"])
    model = build_model(recipe, split.x["train"].shape[1:], "recipe")
    compile_model(model, recipe, "recipe")
    rows = {
        part: (inputs_of(recipe, np.array(split.x[part])), targets_of(recipe, np.array(split.y[part]), model))
        for part in split.x
    }
    with tempfile.TemporaryDirectory() as scratch:
        best = Path(scratch) / "best.weights.h5"
        model.fit(
            *rows["train"],
            batch_size=recipe["batch_size"],
            epochs=recipe["epochs"],
            validation_data=rows["validation"],
            callbacks=build_callbacks(recipe, "recipe", checkpoint=best, logs=Path("logs") / variant),
            verbose=0,
        )
        if best.exists():
            model.load_weights(best)
    print(json.dumps(model.evaluate(*rows["test"], verbose=0, return_dict=True)))


if __name__ == "__main__":
    main()
