"""Where tasks run: here, on the cores of this machine."""

import os
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from joblib import cpu_count  # respects the limits of a container

from stages.scheduling.node import Code, Node
from stages.scheduling.processes import SECONDS_BETWEEN_LOOKS, Processes
from stages.scheduling.store import Store
from stages.scheduling.task import Result, Task

TASK_BYTES = 1_000_000_000
"""Memory of a training."""


def default_jobs() -> int:
    """One job for each core that this process may use, but no more than fit into the memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return max(min(cpu_count(), memory // TASK_BYTES), 1)


def add_jobs_option(parser: ArgumentParser, what: str) -> None:
    """Add `--jobs`. what: name of that of which it is the number, for the help."""
    said = f"{what} at once; default: the cores, as far as memory reaches"
    parser.add_argument("-j", "--jobs", type=int, default=default_jobs(), help=said)


class Executor(Protocol):
    """Runs tasks, each key once."""

    here: ThreadPoolExecutor
    """For the stages of all runs that have to run in their workspace: as many threads as may run at once."""

    @property
    def slots(self) -> int:
        """Number of tasks to submit at once."""

    def submit(self, task: Task, log: Path, priority: float = 0) -> "Future[Result]":
        """Begin a task, the higher its priority the sooner. log: where to put what it prints."""

    def prepare(self, preload: Sequence[str]) -> None:
        """Import libraries that tasks will need, while there is time."""

    def close(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """End what runs: like Ctrl-C first, after some seconds by force. hurry: asked whether that is to be now."""


class LocalExecutor:
    """The cores of this machine: a thread for each task that runs, which waits for its process."""

    def __init__(self, slots: int, folder: Path, store: Store, codes: Mapping[str, Code]) -> None:
        """Run so many tasks at once. folder: for inputs and scratch folders; codes: by `Task.code`."""
        self.slots = slots
        self.node = Node(folder, store, Processes(), codes.__getitem__)
        self.here, self._threads = ThreadPoolExecutor(slots), ThreadPoolExecutor(slots)
        self._futures: dict[str, Future[Result]] = {}
        self._closed = False

    def submit(self, task: Task, log: Path, priority: float = 0) -> "Future[Result]":  # noqa: ARG002
        """See `Executor`. The caller submits in the order of priority."""
        if task.key not in self._futures:
            log.unlink(missing_ok=True)
            self._futures[task.key] = self._threads.submit(self._run, task, log)
        return self._futures[task.key]

    def _run(self, task: Task, log: Path) -> Result:
        try:
            return self.node.run(task, log, lambda: not self._closed)
        except Exception as error:  # of one stage: others go on
            return Result(failure=f"{type(error).__name__}: {error}")

    def prepare(self, preload: Sequence[str]) -> None:
        """See `Executor`."""
        self.node.processes.prepare(preload)

    def close(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """See `Executor`."""
        self._closed = True
        self.here.shutdown(wait=False, cancel_futures=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in self._futures.values()):
            if hurry():
                self.node.processes.kill()
            time.sleep(SECONDS_BETWEEN_LOOKS)
        self.node.close()
