"""Processes that are measured, and a workspace in which they may write."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from stages.params.schema import read_params
from stages.training.recipe import Recipe

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / "benchmarks/.venv"
PEERS_PYTHON = ENVIRONMENTS / "peers/bin/python"


class Usage(NamedTuple):
    """The resources that a process took, its children included."""

    wall: float
    """Seconds from its start to its end."""
    cpu: float
    """Seconds of the processor, user and system."""
    peak: float
    """Largest resident set in MB (a million bytes)."""
    output: str
    """Its standard output."""


_CORES: set[int] = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def pin() -> int | None:
    """Pin this process, and so all that it starts, to one core; None where the system has no such call."""
    if not _CORES:
        return None
    core = max(_CORES)  # the first serves more interrupts
    os.sched_setaffinity(0, {core})
    return core


@contextmanager
def unpinned() -> Iterator[None]:
    """Let what is started meanwhile use every core that this process had before it was pinned."""
    if not _CORES:
        yield
        return
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, pinned)


def environment() -> dict[str, str]:
    """Variables of every measured process: a thread per core (one if unknown), our modules, whatever the folder."""
    cores = len(os.sched_getaffinity(0)) if _CORES else 1
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(cores))
    return {
        **os.environ,
        **threads,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONPATH": str(ROOT),
        "DVC_ROOT": str(ROOT),  # for the mirror of the raw files
        "DVC_NO_ANALYTICS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def run(arguments: list[str], folder: Path, python: Path | str = sys.executable) -> Usage:
    """Run Python with the arguments in the folder, to its end. RuntimeError with what it said if it fails."""
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(python), *arguments], cwd=folder, env=environment(), stdout=said, stderr=complained
        )
        _, status, resources = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        complained.seek(0)
        output = said.read().decode()
        if process.returncode:
            last = (output + complained.read().decode())[-2000:]
            raise RuntimeError(f"{' '.join(arguments)}: expected exit code 0, got {process.returncode}:\n{last}")
    return Usage(wall, resources.ru_utime + resources.ru_stime, resources.ru_maxrss * RSS_UNIT / 1e6, output)


RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere


def last_json(usage: Usage) -> dict[str, Any]:
    """The JSON object in the last line that a process wrote."""
    found: dict[str, Any] = json.loads(usage.output.strip().splitlines()[-1])
    return found


class Worker:
    """A process that trains an epoch whenever it is told to; see `benchmarks.peers.__main__`."""

    def __init__(self, arguments: list[str], folder: Path, python: Path | str = sys.executable) -> None:
        """Start it and wait until it is ready to train; `ready` is then what it said."""
        self._name = " ".join(arguments)
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [str(python), *arguments],
            cwd=folder,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            text=True,
        )
        self.ready = self._answer()

    def epoch(self) -> dict[str, Any]:
        """Let it train one epoch; its seconds, loss and metric."""
        assert self._process.stdin is not None  # noqa: S101 (for the type checker)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> float:
        """End it; its peak memory in MB."""
        assert self._process.stdin is not None  # noqa: S101 (for the type checker)
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        _, status, resources = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._complaints.close()
        return resources.ru_maxrss * RSS_UNIT / 1e6

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 (for the type checker)
        for line in self._process.stdout:
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        self._complaints.seek(0)
        last = self._complaints.read().decode()[-2000:]
        raise RuntimeError(f"{self._name}: expected an answer, but it ended:\n{last}")


@contextmanager
def workspace(say: Callable[[str], None]) -> Iterator[tuple[Path, dict[str, float]]]:
    """A folder with the data and the recipes of `params.yaml`, and the peak memory in MB of the stages that made them.

    The repository's own `data/` and `reports/` stay as they are; its raw files are used if they are there.
    """
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        for part in ("params.yaml", "sweeps.yaml", "custom_objects.py", "documents"):  # what `configure` reads
            (folder / part).symlink_to(ROOT / part)
        raw = folder / "data" / "raw"
        raw.mkdir(parents=True)
        peaks = {}
        peaks["configure"] = run(["-m", "stages.configure"], folder).peak
        for dataset in read_params(folder / "params.yaml").datasets:
            say(f"data: {dataset}")
            if (ROOT / "data/raw" / dataset).exists():
                (raw / dataset).symlink_to(ROOT / "data/raw" / dataset)
            else:
                run(["-m", "stages.download", dataset], folder)
            peaks[f"normalize {dataset}"] = run(["-m", "stages.normalize", dataset], folder).peak
        yield folder, peaks


def recipe_of(folder: Path, variant: str) -> Recipe:
    """The variant's complete recipe."""
    recipe: Recipe = json.loads((folder / "data/recipes" / f"{variant}.json").read_text(encoding="utf-8"))
    return recipe


@contextmanager
def changed(folder: Path, variant: str, **values: Any) -> Iterator[None]:
    """Let the variant's recipe have other values for a while."""
    path = folder / "data/recipes" / f"{variant}.json"
    before = path.read_bytes()
    path.write_text(json.dumps(json.loads(before) | values), encoding="utf-8")
    try:
        yield
    finally:
        path.write_bytes(before)


class Heartbeat:
    """Progress lines with the minutes since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, line: str) -> None:
        """Print a line."""
        print(f"[{self.minutes():5.1f} min] {line}", file=sys.stderr, flush=True)

    def minutes(self) -> float:
        """Minutes since the start."""
        return (time.monotonic() - self._start) / 60
