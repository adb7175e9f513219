"""Train one variant from its recipe: `python -m stages.train <variant>`; see `stages.training.variant`.

    python -m stages.train relu_100    # as `dvc repro train@relu_100` does

This module is the command line: it shows the progress and says what came of it. It hands `stages.training` the name of
the variant and nothing else, so that no training depends on it.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages.training import Epoch
from stages.training.variant import train_variant

CATALOGUE = Path("data/catalogue.json")


class Progress:
    """A bar for each training on a terminal; elsewhere a line every ten seconds at most."""

    _SECONDS_BETWEEN_LINES = 10

    def __init__(self, title: str) -> None:
        self._title = title
        self._bar: tqdm[Any] | None = None
        self._start = self._ended = self._said = time.monotonic()

    def __call__(self, epoch: Epoch) -> None:
        """Show how far a training is, unless that was shown a moment ago."""
        name = f"{self._title}, {epoch.training}"
        if epoch.epoch == 1:
            self._start = self._ended
            self.close()
            self._bar = tqdm(total=epoch.epochs, desc=name, unit="epoch", disable=not sys.stderr.isatty())
        losses = {key: f"{value:.4f}" for key, value in epoch.logs.items() if key in ("loss", "val_loss")}
        if self._bar is not None:
            self._bar.set_postfix(losses, refresh=False)
            self._bar.update()
        self._ended = now = time.monotonic()
        if not sys.stderr.isatty() and now - self._said > self._SECONDS_BETWEEN_LINES:
            self._said = now
            left = (now - self._start) / epoch.epoch * (epoch.epochs - epoch.epoch)
            values = " ".join(f"{key} {value}" for key, value in losses.items())
            print(f"{name}: epoch {epoch.epoch} of {epoch.epochs}, {values}, {left:.0f} s left", flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


def title_of(variant: str) -> str:
    """Name the variant with its number in `params.yaml`, as far as the catalogue says it."""
    try:
        variants = list(json.loads(CATALOGUE.read_text(encoding="utf-8"))["variants"])
    except OSError:
        return variant
    return f"{variant} ({variants.index(variant) + 1} of {len(variants)})" if variant in variants else variant


def main(arguments: list[str] | None = None) -> None:
    """Train the variant that is named on the command line: these arguments, or the process's own."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variant", help="a key of `variants` in params.yaml")
    variant = parser.parse_args(arguments).variant
    started = time.monotonic()
    title = title_of(variant)
    progress = Progress(title)
    try:
        last = train_variant(variant, progress, own_process=arguments is None)
    except ValueError as error:
        sys.exit(f"{variant}: {error}")
    finally:
        progress.close()
    values = {
        name: sum(row[name] for row in last) / len(last)
        for name in last[0]
        if name not in ("seed", "epoch", "learning_rate")
    }
    shown = " ".join(f"{name} {value:.4f}" for name, value in values.items()) or "fitted"
    print(f"{title}: {shown}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
