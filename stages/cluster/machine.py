"""The class of a machine: machines of one class give the same bytes, and share work.

Processors and libraries round differently in the last bits, and training amplifies that; see `stages.environment`. No
list says which do. So each machine runs two small trainings, and its class is a hash of their bytes and of the versions
of what computes. `python -m stages.cluster.machine` shows it.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from stages.environment import cards, libraries
from stages.splits import NORMALIZED
from stages.training.variant import MODELS, RECIPES

ROOT = Path(__file__).resolve().parents[2]
"""The folder of the package `stages`."""
EXCHANGED = ("stages/cluster", "stages/scheduling")
"""The code that both sides of a cluster run."""

Machine = dict[str, str]
"""What the bytes of a machine depend on, by name: versions, and the hashes of its trainings."""

ROWS, COLUMNS = {"validation": 64, "train": 512, "test": 64}, 100
_COMMON: dict[str, Any] = {"seed": 1, "seeds": 1, "dataset": "made_up", "split": "single"}
TRAININGS: dict[str, dict[str, Any]] = {
    "network": {
        **_COMMON,
        "layers": {
            "hidden": {"class": "Dense", "units": 100, "activation": "relu"},
            "dropout": {"class": "Dropout", "rate": 0.2},
            "output": {"class": "Dense", "units": 10, "activation": "softmax"},
        },
        "optimizer": {"class": "Adam", "learning_rate": 0.001},
        "loss": {"class": "SparseCategoricalCrossentropy"},
        "metrics": {"accuracy": {"class": "SparseCategoricalAccuracy"}},
        "batch_size": 32,
        "epochs": 2,
        "jit_compile": True,
    },
    "estimator": {**_COMMON, "estimator": {"class": "LogisticRegression"}},
}


def class_of(machine: Machine) -> str:
    """Name the class: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(machine, sort_keys=True).encode()).hexdigest()[:16]


def differences(expected: Machine, found: Machine) -> str:
    """Say what two machines differ in: `keras: expected 3.15.1, got 3.15.2`."""
    return "; ".join(
        f"{name}: expected {expected.get(name, 'nothing')}, got {found.get(name, 'nothing')}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    )


@cache
def machine() -> Machine:
    """Describe this machine; runs the trainings, in processes of their own. Raises: ValueError if one fails."""
    code = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for folder in EXCHANGED
        for path in (ROOT / folder).glob("*.py")
    }
    return {
        **libraries(),
        "python": platform.python_version(),
        "architecture": platform.machine(),
        **({"cards": "; ".join(found)} if (found := cards()) else {}),
        "code of the exchange": _hash(code),
        **_trained(),
    }


def _trained() -> Machine:
    with TemporaryDirectory() as folder:
        _lay(Path(folder))
        return {f"training of a small {name}": _train(name, Path(folder)) for name in TRAININGS}


def _lay(folder: Path) -> None:
    """Write the recipes and made-up rows, whose numbers come without any rounding, to where trainings read them."""
    arrays = folder / NORMALIZED / _COMMON["dataset"] / "arrays"
    arrays.mkdir(parents=True)
    (folder / RECIPES).mkdir(parents=True)
    rows = sum(ROWS.values())
    generator = np.random.default_rng(1)
    x = generator.integers(-1024, 1024, size=(rows, COLUMNS)).astype(np.float32) / 1024
    np.save(arrays / "x.npy", x)
    np.save(arrays / "y.npy", generator.integers(0, 10, size=rows).astype(np.int32))
    np.save(arrays / "rows.npy", np.arange(rows, dtype=np.int32))
    (arrays / "scaling.json").write_text("{}", encoding="utf-8", newline="\n")
    ends = np.cumsum(list(ROWS.values())).tolist()
    parts = {part: [end - ROWS[part], end] for part, end in zip(ROWS, ends, strict=True)}
    index = {_COMMON["split"]: {"arrays": arrays.name, "parts": parts}}
    (arrays.parent / "splits.json").write_text(json.dumps(index), encoding="utf-8", newline="\n")
    for name, recipe in TRAININGS.items():
        (folder / RECIPES / f"{name}.json").write_text(json.dumps(recipe), encoding="utf-8", newline="\n")


def _train(name: str, folder: Path) -> str:
    """Run a training as the stage does; the hash of all that it leaves."""
    done = subprocess.run(
        [sys.executable, "-m", "stages.train", name],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C is for this process
    )
    if done.returncode:
        said = done.stdout.strip().rpartition("\n")[2]
        raise ValueError(f"training of a small {name}: expected to learn this machine's class by it, got: {said}")
    made = folder / MODELS / name
    return _hash({path.relative_to(made).as_posix(): path.read_bytes() for path in made.rglob("*") if path.is_file()})


def _hash(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\n{len(files[name])}\n".encode())
        digest.update(files[name])
    return digest.hexdigest()[:16]


def main(arguments: list[str] | None = None) -> None:
    """Print the class of this machine, and what it is made of."""
    argparse.ArgumentParser(
        prog="python -m stages.cluster.machine",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    here = machine()
    print("\n".join([f"class {class_of(here)}", *(f"    {name}: {value}" for name, value in here.items())]))


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(str(error))
