"""Run stages as processes, end them, and put the dvc.lock that they leave in order."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dvc.lock import LockError
from dvc.repo import Repo
from dvc.utils.serialize import dumps_yaml, parse_yaml
from joblib import cpu_count  # respects the limits of a container

LOGS = Path(".dvc/tmp/parallel")
SECONDS_TO_END = 5
LINES_OF_A_FAILURE = 20
STAGE_BYTES = 1_300_000_000
"""Memory of a training and of the DVC that waits for it."""


def default_jobs() -> int:
    """One job for each core that this process may use, but no more than fit into the memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return max(min(cpu_count(), memory // STAGE_BYTES), 1)


class Child:
    """A running stage in a session of its own: DVC, the stage's command, and its child processes."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.log = LOGS / f"{stage.replace('/', '_')}.log"
        self._started = time.monotonic()
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                # Without `--wait-for-lock` DVC gives up after three seconds, also on a stage whose work is done.
                [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item", stage],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"PATH": path},
                start_new_session=True,
            )

    def seconds(self) -> float:
        """Seconds since it started."""
        return time.monotonic() - self._started

    def failure(self) -> tuple[str, list[str]]:
        """Give the reason of its failure, and the last lines that it printed.

        The reason is the last line that is not DVC's own, if there is one, with the status that DVC states.
        """
        text = self.log.read_text(encoding="utf-8", errors="replace")
        said = [line for line in text.splitlines() if line.strip()] or [f"status {self.process.returncode}"]
        own = [line for line in said if not line.startswith(("ERROR: failed to reproduce", "Running stage ", "> "))]
        status = said[-1].rpartition(", ")[2] if own and "exited with" in said[-1] else ""
        return (own or said)[-1].strip() + (f" ({status})" if status else ""), said[-LINES_OF_A_FAILURE:]


@contextmanager
def signals() -> Iterator[list[int]]:
    """Collect the signals that ask for an end, instead of ending by them (`nohup` keeps its meaning)."""
    got: list[int] = []
    ending = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        ending.append(signal.SIGHUP)
    before = [(number, signal.signal(number, lambda number, _: got.append(number))) for number in ending]
    try:
        yield got
    finally:
        for number, handler in before:
            signal.signal(number, handler)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold a lock on the workspace; ValueError if another run does. The system releases that of a killed run."""
    import fcntl  # not on Windows

    with (LOGS / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{LOGS}: expected one run at a time, got another that is not at its end") from None
        yield


@contextmanager
def dvc_lock(got: Sequence[int] = ()) -> Iterator[None]:
    """Hold DVC's lock, so that no DVC writes dvc.lock meanwhile.

    After half a minute, or a second signal, continue without it: DVC writes dvc.lock in less.
    """
    with Repo() as repo:
        for _ in range(10):
            with suppress(LockError):
                repo.lock.lock()  # tries for three seconds
                break
            if len(got) > 1:
                break
        try:
            yield
        finally:
            if repo.lock.is_locked:
                repo.lock.unlock()


def end(children: list[Child], got: list[int]) -> None:
    """End the children and all that they started, none of them while it writes dvc.lock.

    First like Ctrl-C in `dvc repro`: the stage's command ends, and DVC cleans up after it. A second signal does not
    wait for that.
    """
    for number in (signal.SIGINT, signal.SIGKILL):
        with dvc_lock(got):
            for child in children:
                with suppress(ProcessLookupError, PermissionError):  # none is left of its group
                    os.killpg(child.process.pid, number)
        deadline = time.monotonic() + SECONDS_TO_END
        while len(got) < 2 and time.monotonic() < deadline and any(child.process.poll() is None for child in children):
            time.sleep(0.05)


def entries(lock: Path) -> dict[str, Any]:
    """The stages of a dvc.lock; none without one."""
    content = parse_yaml(lock.read_text(encoding="utf-8"), lock) if lock.exists() else None
    return (content or {}).get("stages", {})


def put_in_order(lock: Path, before: Iterable[str]) -> None:
    """Write dvc.lock as a serial run leaves it: earlier entries keep their places, new ones follow in order."""
    with dvc_lock():
        if not lock.exists():
            return
        content = parse_yaml(lock.read_text(encoding="utf-8"), lock, typ="rt")
        stages = content.get("stages", {})
        order = [stage for stage in dict.fromkeys([*before, *stages]) if stage in stages]
        if list(stages) != order:
            ordered = {stage: stages.pop(stage) for stage in order}
            stages.update(ordered)
            new = LOGS / lock.name
            new.write_text(dumps_yaml(content), encoding="utf-8")
            shutil.copymode(lock, new)
            os.replace(new, lock)
