"""Train one variant from its recipe: `python -m stages.train <variant>`; see `stages.training.variant`.

This module is the command line: it shows the progress and says what came of it. It hands `stages.training` the name of
the variant and nothing else, so that no training depends on it.
"""

import argparse
import sys
import time
from pathlib import Path

from tqdm import tqdm

from stages.training import Epoch
from stages.training.variant import MODELS, RECIPES, train_variant


class Progress:
    """A bar on a terminal; elsewhere a line every ten seconds at most."""

    _SECONDS_BETWEEN_LINES = 10

    def __init__(self, title: str) -> None:
        self._title = title
        self._start = self._last = time.monotonic()
        self._bar = tqdm(desc=title, unit="epoch", disable=not sys.stderr.isatty())

    def __call__(self, epoch: Epoch) -> None:
        """Show how far a training is, unless that was shown a moment ago."""
        if epoch.epoch == 1:
            self._start = self._last = time.monotonic()
            self._bar.reset(epoch.epochs)
            self._bar.set_description(f"{self._title}, {epoch.training}", refresh=False)
        losses = {name: f"{value:.4f}" for name, value in epoch.logs.items() if name in ("loss", "val_loss")}
        self._bar.set_postfix(losses, refresh=False)
        self._bar.update()
        now = time.monotonic()
        if self._bar.disable and now - self._last > self._SECONDS_BETWEEN_LINES:
            self._last = now
            left = (now - self._start) / epoch.epoch * (epoch.epochs - epoch.epoch)
            values = " ".join(f"{name} {value}" for name, value in losses.items())
            counted = f"epoch {epoch.epoch} of {epoch.epochs}"
            print(f"{self._title}, {epoch.training}: {counted}, {values}, {left:.0f} s left", flush=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def title_of(variant: str) -> str:
    """Name the variant and say which of how many it is."""
    recipes = list(RECIPES.glob("*.json"))
    done = sum(is_trained(recipe) for recipe in recipes if recipe.stem != variant)
    return f"{variant} ({done + 1} of {len(recipes)})"


def is_trained(recipe: Path) -> bool:
    """Whether a model was made from the recipe as it stands now."""
    copy = MODELS / recipe.stem / "recipe.json"
    return copy.exists() and copy.read_bytes() == recipe.read_bytes()


def main(arguments: list[str] | None = None) -> None:
    """Train the variant that is named on the command line: these arguments, or the process's own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variant")
    variant = parser.parse_args(arguments).variant
    started = time.monotonic()
    try:
        title = title_of(variant)
        progress = Progress(title)
        last = train_variant(variant, progress, own_process=arguments is None)
        progress.close()
    except ValueError as error:
        sys.exit(f"{variant}: {error}")
    values = {
        name: sum(row[name] for row in last) / len(last)
        for name in last[0]
        if name not in ("seed", "epoch", "learning_rate")
    }
    shown = " ".join(f"{name} {value:.4f}" for name, value in values.items()) or "fitted"
    print(f"{title}: {shown}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
