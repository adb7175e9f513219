"""The same epoch of the same recipe, one way or another: `python -m benchmarks.peers <peer> <variant>`.

Each peer is a module with `train(recipe, split, epochs, clock, **options)`: it builds everything, calls
`clock.ready(parameters)`, and trains, calling `clock.epoch(loss, metric)` whenever an epoch has ended.
"""

import json
import sys
import time


class Clock:
    """Waits for a line on the standard input before every epoch, and answers with the seconds of the epoch."""

    def ready(self, parameters: int) -> None:
        """Say that all is built, and wait. parameters: how many the model trains."""
        self._answer({"parameters": parameters})

    def epoch(self, loss: float, metric: float) -> None:
        """Say that an epoch has ended with these means over its rows, and wait for the next.

        loss, metric: as Python floats, so that the epoch has really ended.
        """
        seconds, processor = time.perf_counter() - self._start, time.process_time() - self._start_of_processor
        self._answer({"seconds": seconds, "processor": processor, "loss": float(loss), "metric": float(metric)})

    def _answer(self, answer: dict[str, float]) -> None:
        print(json.dumps(answer), flush=True)
        if not sys.stdin.readline():
            sys.exit()
        self._start, self._start_of_processor = time.perf_counter(), time.process_time()
