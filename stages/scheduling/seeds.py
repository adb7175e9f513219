"""Trainings with more seeds, in folders of their own: the workspace's run stays as it is.

A block of seeds is a folder `.dvc/tmp/seeds/<key>/<first>-<last>/`. The key is a hash of all that a training depends on
but its recipe: the code, the normalized data and the versions of the libraries. In a block, `data/` looks as in the
workspace, so that `python -m stages.train` runs there. A variant whose recipe is among its files is complete, and is
never trained again: after a kill, a run goes on from there.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from stages.artifacts import MODELS, RECIPE, TRAINED_RECIPE
from stages.scheduling.children import LINES_OF_A_FAILURE, signals
from stages.splits import NORMALIZED
from stages.training.recipe import Recipe

SEEDS = Path(".dvc/tmp/seeds")
CODE = ("stages/training", "stages/splits.py")
LIBRARIES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn")
SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True)
class Block:
    """Consecutive seeds, and the folder of their trainings."""

    first: int
    seeds: int
    folder: Path

    def recipe(self, recipe: Recipe) -> Recipe:
        """Give a variant's recipe with the seeds of the block."""
        return {**recipe, "seed": self.first, "seeds": self.seeds}

    def read_bytes(self, path: Path) -> bytes:
        """Read a file of the block by its path in a workspace."""
        return (self.folder / path).read_bytes()

    def has(self, variant: str, recipe: Recipe) -> bool:
        """Whether the variant is trained with the block's seeds, from this recipe."""
        try:
            return TRAINED_RECIPE.read(variant, self.read_bytes) == self.recipe(recipe)
        except ValueError:
            return False


def blocks(first: int, looks: Sequence[int], folder: Path) -> list[Block]:
    """Give the block of seeds that each look adds. looks: rising numbers of seeds; folder: of all blocks."""
    found = []
    for before, look in zip((0, *looks), looks, strict=False):
        start, stop = first + before, first + look
        found.append(Block(start, look - before, folder / f"{start}-{stop - 1}"))
    return found


def folder_of_seeds() -> Path:
    """Give the folder of the blocks that were trained with this code, these data and these libraries."""
    digest = hashlib.sha256()
    names = sorted(path for root in CODE for path in _files(Path(root)))
    for path in [*names, *sorted(_files(NORMALIZED))]:
        digest.update(f"{path.as_posix()}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    digest.update(" ".join(version(name) for name in _installed(LIBRARIES)).encode())
    return SEEDS / digest.hexdigest()[:16]


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


def train(block: Block, recipes: Mapping[str, Recipe], jobs: int, deadline: float) -> list[str]:
    """Train the variants with the block's seeds, as far as they are not trained yet.

    recipes: of the variants, those that take longest first; jobs: at once; deadline: by `time.monotonic`, after it none
    is started. Returns: those that were not trained in time. Raises: ValueError if a training fails; KeyboardInterrupt
    after a signal.
    """
    waiting = [name for name, recipe in recipes.items() if not block.has(name, recipe)]
    if waiting:
        _prepare(block)
    running: dict[str, subprocess.Popen[bytes]] = {}
    done, started = 0, len(waiting)
    with signals() as got:
        try:
            while running or (waiting and time.monotonic() < deadline):
                while waiting and len(running) < jobs and time.monotonic() < deadline:
                    name = waiting.pop(0)
                    running[name] = _start(block, name, recipes[name])
                time.sleep(SECONDS_BETWEEN_LOOKS)
                if got:
                    raise KeyboardInterrupt
                for name in [name for name, process in running.items() if process.poll() is not None]:
                    if running.pop(name).returncode:
                        raise ValueError(_failure(block, name))
                    done += 1
                    print(
                        f"[{done}/{started}] {name}: seeds {block.first} to {block.first + block.seeds - 1}", flush=True
                    )
        finally:
            for process in running.values():
                process.kill()
                process.wait()
    return waiting


def _prepare(block: Block) -> None:
    (block.folder / "data").mkdir(parents=True, exist_ok=True)
    link = block.folder / NORMALIZED
    link.unlink(missing_ok=True)
    link.symlink_to(NORMALIZED.resolve())


def _start(block: Block, name: str, recipe: Recipe) -> "subprocess.Popen[bytes]":
    shutil.rmtree(block.folder / MODELS / name, ignore_errors=True)  # of a training that was killed
    path = block.folder / RECIPE.path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(block.recipe(recipe), indent=1) + "\n", encoding="utf-8", newline="\n")
    with _log(block, name).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "stages.train", name],
            cwd=block.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            start_new_session=True,
        )


def _log(block: Block, name: str) -> Path:
    return block.folder / f"{name}.log"


def _failure(block: Block, name: str) -> str:
    said = _log(block, name).read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n    ".join([f"{name}: expected a training to end, see {_log(block, name)}", *said[-LINES_OF_A_FAILURE:]])
