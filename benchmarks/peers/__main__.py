"""Train a variant one way, an epoch per line on the standard input; see `benchmarks.peers`."""

import argparse
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers import Clock
from stages.splits import Split, load_split

PEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ours": ("ours", {}),
    "ours without XLA": ("ours", {"jit_compile": False}),
    "ours, nothing fixed": ("ours", {"deterministic": False}),
    "Keras fit": ("keras_fit", {}),
    "Keras fit, deterministic": ("keras_fit", {"deterministic": True}),
    "PyTorch": ("torch_peer", {}),
    "JAX": ("jax_peer", {}),
    "matrix products": ("products", {}),
}


def tiled(split: Split, times: int, folder: Path) -> Split:
    """The split with its training rows so many times, mapped from files like all splits.

    The files are written the first time.
    """
    x, y = dict(split.x), dict(split.y)
    for name, arrays in (("x", x), ("y", y)):
        path = folder / f"{name}_{times}.npy"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            rows = arrays["train"]
            file = np.lib.format.open_memmap(path, "w+", rows.dtype, (len(rows) * times, *rows.shape[1:]))
            for copy in range(times):
                file[copy * len(rows) : (copy + 1) * len(rows)] = rows
            file.flush()
            del file
        arrays["train"] = np.load(path, mmap_mode="c")
    return Split(x=x, y=y, rows=split.rows, scaling=split.scaling)


def main() -> None:
    """Train until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("variant")
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--times", type=int, help="train on the rows so many times over")
    arguments = parser.parse_args()
    recipe = json.loads(Path(f"data/recipes/{arguments.variant}.json").read_text(encoding="utf-8"))
    split = load_split(recipe["dataset"], recipe["split"])
    if arguments.times:
        split = tiled(split, arguments.times, Path("data/tiled"))
    module, options = PEERS[arguments.peer]
    train = importlib.import_module(f"benchmarks.peers.{module}").train
    train(recipe, split, arguments.epochs, Clock(), **options)


if __name__ == "__main__":
    main()
