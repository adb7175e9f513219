"""Trainings with more seeds, in folders of their own: the workspace's run stays as it is.

A block of seeds of a variant is a folder `.dvc/tmp/seeds/<variant>/<key>/<first>-<last>/`. The key is a hash of all
that the trainings depend on but their seeds: the recipe, the arrays of the split, the code and the versions of the
libraries. In a block, `data/` looks as in a workspace, so that `python -m stages.train` runs there. A block whose
recipe is among its files is complete, and is never trained again: after a kill, a run goes on from there.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from stages.artifacts import RECIPE, TRAINED_RECIPE
from stages.scheduling.node import LINES_OF_A_FAILURE
from stages.scheduling.signals import signals
from stages.splits import NORMALIZED
from stages.training.recipe import Recipe

SEEDS = Path(".dvc/tmp/seeds")
CODE = ("stages/training", "stages/splits.py")
LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")
LOG = "log"
SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True)
class Block:
    """Consecutive seeds of a variant, and the folder of their trainings."""

    variant: str
    recipe: Recipe
    """With the seeds of the block."""
    folder: Path

    def read_bytes(self, path: Path) -> bytes:
        """Read a file of the block by its path in a workspace."""
        return (self.folder / path).read_bytes()

    @property
    def complete(self) -> bool:
        """Whether it is trained."""
        try:
            return TRAINED_RECIPE.read(self.variant, self.read_bytes) == self.recipe
        except ValueError:
            return False


def blocks(variant: str, recipe: Recipe, looks: Sequence[int]) -> list[Block]:
    """Give the block of seeds that each look adds, from the recipe's first seed on. looks: rising numbers of seeds."""
    folder, found = SEEDS / variant / _key(recipe), []
    for before, look in zip((0, *looks), looks, strict=False):
        start, stop = recipe["seed"] + before, recipe["seed"] + look
        of_block: Recipe = {**recipe, "seed": start, "seeds": look - before}
        found.append(Block(variant, of_block, folder / f"{start}-{stop - 1}"))
    return found


def _key(recipe: Recipe) -> str:
    of_all_seeds = {name: value for name, value in recipe.items() if name not in ("seed", "seeds")}
    arrays = _hash_of_arrays(recipe["dataset"], recipe["split"])
    content = json.dumps([of_all_seeds, arrays, _hash_of_code()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@cache
def _hash_of_arrays(dataset: str, split: str) -> str:
    """Hash of the arrays of a split and its repetitions, and of the places of the parts in them."""
    folder = NORMALIZED / dataset
    index = json.loads((folder / "splits.json").read_text(encoding="utf-8"))
    own = {name: each for name, each in index.items() if re.fullmatch(rf"{re.escape(split)}(-\d+)?", name)}
    return _hash(
        json.dumps(own, sort_keys=True), [folder / name for name in sorted({each["arrays"] for each in own.values()})]
    )


@cache
def _hash_of_code() -> str:
    versions = " ".join(version(name) for name in _installed(LIBRARIES))
    return _hash(versions, [Path(name) for name in CODE])


def _hash(text: str, roots: Iterable[Path]) -> str:
    """Hash of a text and of all files of the folders, by their paths."""
    digest = hashlib.sha256(text.encode())
    for path in sorted(path for root in roots for path in _files(root)):
        digest.update(f"{path.as_posix()}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _installed(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield "tensorflow-cpu" if name == "tensorflow" and _is_missing(name) else name


def _is_missing(name: str) -> bool:
    try:
        version(name)
    except ModuleNotFoundError:
        return True
    return False


def _files(root: Path) -> list[Path]:
    found = [root] if root.is_file() else [path for path in root.rglob("*") if path.is_file()]
    return [path for path in found if "__pycache__" not in path.parts]


def train(wanted: Iterable[Block], jobs: int, deadline: float) -> list[Block]:
    """Train the blocks that are not complete yet, in their order.

    jobs: at once; deadline: by `time.monotonic`, after it none is started. Returns: those that were not trained in
    time. Raises: ValueError if a training fails; KeyboardInterrupt after a signal.
    """
    waiting = [block for block in wanted if not block.complete]
    running: list[tuple[Block, subprocess.Popen[bytes]]] = []
    done, started = 0, len(waiting)
    with signals() as got:
        try:
            while running or (waiting and time.monotonic() < deadline):
                while waiting and len(running) < jobs and time.monotonic() < deadline:
                    block = waiting.pop(0)
                    running.append((block, _start(block)))
                time.sleep(SECONDS_BETWEEN_LOOKS)
                if got:
                    raise KeyboardInterrupt
                for block, process in [each for each in running if each[1].poll() is not None]:
                    running.remove((block, process))
                    if process.returncode:
                        raise ValueError(_failure(block))
                    done += 1
                    print(f"[{done}/{started}] {block.variant}: seeds {block.folder.name}", flush=True)
        finally:
            for _, process in running:
                process.kill()
                process.wait()
    return waiting


def _start(block: Block) -> "subprocess.Popen[bytes]":
    shutil.rmtree(block.folder, ignore_errors=True)  # of a training that was killed
    path = block.folder / RECIPE.path(block.variant)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(block.recipe, indent=1) + "\n", encoding="utf-8", newline="\n")
    (block.folder / NORMALIZED).symlink_to(NORMALIZED.resolve())
    with (block.folder / LOG).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "stages.train", block.variant],
            cwd=block.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            start_new_session=True,
        )


def _failure(block: Block) -> str:
    log = block.folder / LOG
    said = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n    ".join([f"{block.variant}: expected a training to end, see {log}", *said[-LINES_OF_A_FAILURE:]])
