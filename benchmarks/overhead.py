"""Where one training spends the processor's time: `python -m benchmarks.overhead <variant>`.

Runs `stages.train` with stopwatches put around its functions, from outside, and prints processor seconds.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

seconds: dict[str, float] = {}
epochs: list[float] = []
_running: list[str] = []


def _stopwatch(place: Any, name: str, part: str) -> None:
    """Add what calls of place.name take to the part, unless another stopwatch is running already."""
    function: Callable[..., Any] = getattr(place, name)

    def timed(*arguments: Any, **named: Any) -> Any:
        if _running:
            return function(*arguments, **named)
        _running.append(part)
        start = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            seconds[part] = seconds.get(part, 0.0) + time.process_time() - start
            _running.clear()

    setattr(place, name, timed)


def watched() -> list[tuple[Any, str, str]]:
    """The functions that get a stopwatch, by the module or class that holds them, and the part that they are."""
    import keras

    from stages.training import engine, keras_models, variant

    return [
        (variant, "load_splits", "data"),
        (keras_models, "inputs_of", "data"),
        (keras_models, "targets_of", "data"),
        (keras_models, "build_model", "building"),
        (keras_models, "compile_model", "building"),
        (keras_models, "build_callbacks", "building"),
        (engine.EpochModel, "set_data", "building"),
        (keras_models, "fit", "fit"),
        (keras_models, "save_model", "saving"),
        (keras.Model, "save_weights", "saving"),
        (keras_models, "predict_parts", "predicting"),
    ]


def main() -> None:
    """Train the variant that is named on the command line."""
    from stages import train
    from stages.training import import_tensorflow

    import_tensorflow()
    import keras

    from stages.training import keras_models

    seconds["start and imports"] = time.process_time()

    class Epochs(keras.callbacks.Callback):
        """Notes the seconds of each epoch, its validation included."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            del epoch, logs
            self._start = time.process_time()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            del epoch, logs
            epochs.append(time.process_time() - self._start)

    fit = keras_models.fit

    def observed_fit(model: Any, count: int, validation_data: Any, callbacks: Any) -> None:
        fit(model, count, validation_data, [*callbacks, Epochs()])

    keras_models.fit = observed_fit  # type: ignore[assignment]
    for place, name, part in watched():
        _stopwatch(place, name, part)
    train.main(sys.argv[1:])
    print(json.dumps({"seconds": seconds, "epochs": epochs}))


if __name__ == "__main__":
    main()
