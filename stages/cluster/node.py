"""A worker of Dask as a node: what the driver sends to it, and what runs there."""

import asyncio
import itertools
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dask
from distributed import Status, Worker, WorkerPlugin, get_worker

from stages.cluster.machine import class_of, machine
from stages.scheduling.node import Code, Node
from stages.scheduling.processes import Processes
from stages.scheduling.remote import RemoteError, RemoteStore
from stages.scheduling.store import Record, Store
from stages.scheduling.task import Result, Task

TOPIC = "stages-machines"
"""Of the messages in which workers describe their machines."""
LOG_BYTES = 1_000_000
"""At most so many of the last bytes that a task printed go to the driver."""
TRANSFERS = 8
"""Files at once to or from a remote."""

_nodes: dict[tuple[str, str], Node] = {}
_lock = threading.Lock()


class DescribeMachine(WorkerPlugin):
    """Gives each worker a resource named by its machine's class, and tells the driver what the class is made of."""

    name = "stages"

    async def setup(self, worker: Worker) -> None:
        """Describe the machine, once for each worker process."""
        message: dict[str, Any] = {"worker": worker.address, "name": str(worker.name)}
        _forget_variables(worker)
        try:
            message["machine"] = here = await asyncio.to_thread(machine)
            await _offer(worker, class_of(here))
        except asyncio.CancelledError:
            return  # the worker ends
        except (ValueError, OSError) as error:
            message["failure"] = str(error)
        worker.log_event(TOPIC, message)

    async def teardown(self, worker: Worker) -> None:
        """End what runs, if the worker ends; for another driver's plugin nothing does."""
        if worker.status not in (Status.running, Status.paused):
            with _lock:
                nodes = [_nodes.pop(each) for each in list(_nodes) if each[0] == worker.address]
            for node in nodes:
                await asyncio.to_thread(node.close)


def _forget_variables(worker: Worker) -> None:
    """Remove what Dask's nanny puts into the environment: one thread for each library, which is not for stages."""
    names = dask.config.get("distributed.nanny.pre-spawn-environ") if worker.nanny else {}
    for name, value in names.items():
        if os.environ.get(name) == str(value):
            del os.environ[name]


async def _offer(worker: Worker, resource: str) -> None:
    """Say that each thread of the worker has a resource."""
    if resource in worker.state.total_resources or worker.status is not Status.running:
        return
    await worker.set_resources(**{resource: worker.state.nthreads})
    # The scheduler looks for tasks that nobody could take when a worker starts or goes on, not when it offers more.
    worker.status = Status.paused
    worker.status = Status.running


class NodeWorker(Worker):
    """A worker that remembers why it ended."""

    ended_by = ""

    async def close(  # type: ignore[override]
        self, timeout: float = 30, executor_wait: bool = True, nanny: bool = True, reason: str = "worker-close"
    ) -> str | None:
        """See Dask's. reason: in Dask's words."""
        self.ended_by = self.ended_by or reason
        return await super().close(timeout, executor_wait, nanny, reason)


def run_on_node(task: Task, config: dict[str, Any]) -> tuple[Result, bytes]:
    """Run a task on the worker that this is called on, unless the remote has its result.

    config: of the remote, see `RemoteStore`. Returns: the result, and what the commands printed.
    """
    worker = get_worker()
    node = _node_of(worker, config)
    found = recorded(node.store, task)
    if found is not None:
        return found, b""
    log = node.folder / f"{task.key}.log"
    wanted = _Wanted(worker)
    try:
        result = _run(node, task, log, wanted)
        if not wanted.always:
            raise EndedError(task.name)
        if result.failure is None and (now := recorded(node.store, task)) and now.failure:
            result = now  # somebody else has run it, to other bytes
        return result, log.read_bytes()[-LOG_BYTES:] if log.exists() else b""
    finally:
        log.unlink(missing_ok=True)


def _run(node: Node, task: Task, log: Path, wanted: Callable[[], bool]) -> Result:
    """Run a task. Raises: RemoteError, after which Dask tries again; any other error is the task's failure."""
    try:
        return node.run(task, log, wanted)
    except RemoteError:
        raise
    except Exception as error:
        return Result(failure=f"{type(error).__name__}: {error}")


class EndedError(Exception):
    """A task was ended that nobody waited for; if somebody does by now, Dask runs it again."""


class _Wanted:
    """Whether the worker is connected, and the scheduler still waits for the task that this thread runs."""

    def __init__(self, worker: Worker) -> None:
        self._worker, self._key = worker, worker.get_current_task()
        self.always = True

    def __call__(self) -> bool:
        task = self._worker.state.tasks.get(self._key)
        connected = self._worker.status in (Status.running, Status.paused)
        self.always &= connected and task is not None and task.state == "executing"
        return self.always


def recorded(store: Store, task: Task) -> Result | None:
    """Give the result that a store has of a task, if it is complete; a failure if it has results of different bytes."""
    records = store.records(task.key)
    if len(records) > 1:
        place = f"runs/{task.key[:2]}/{task.key}/"
        both = " and ".join(_bytes_of(record) for record in records)
        return Result(failure=f"expected the same bytes whenever it runs, got {both}; see the remote's {place}")
    if records and all(store.has(out["md5"]) for out in records[0]["outs"]):
        return Result(tuple(records[0]["outs"]))
    return None


def _bytes_of(record: Record) -> str:
    return ", ".join(f"{out['path']} with the MD5 {out['md5']}" for out in record["outs"])


def _node_of(worker: Worker, config: dict[str, Any]) -> Node:
    address = worker.address, json.dumps(config, sort_keys=True)
    with _lock:
        if address not in _nodes:
            folder = Path(worker.local_directory) / f"node-{len(_nodes)}"
            store = RemoteStore(config)
            codes = _Codes(folder, store)
            _nodes[address] = Node(folder, store, Processes(), codes)
        return _nodes[address]


class StoredCode(Code):
    """The files of a list that `stages.cluster.executor.Exchange` wrote, laid out in a folder."""

    def __init__(self, root: Path, store: Store, md5: str) -> None:
        """Lay out the files. Raises: FileNotFoundError if the store lacks one."""
        super().__init__(root)
        root.mkdir(parents=True)
        listing = root.with_suffix(".json")
        store.get(md5, listing)
        entries = json.loads(listing.read_text(encoding="utf-8"))
        for each in entries:
            path = root / each["relpath"]
            path.parent.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(TRANSFERS) as threads:
            list(threads.map(lambda each: store.get(each["md5"], root / each["relpath"]), entries))
        for each in entries:
            if each.get("isexec"):
                (root / each["relpath"]).chmod(0o755)
        self.files = [each["relpath"] for each in entries]
        self.links = []


class _Codes:
    """Lays out each code that tasks name, once."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder, self._store = folder, store
        self._lock = threading.Lock()
        self._codes: dict[str, Code] = {}
        self._numbers = itertools.count()

    def __call__(self, md5: str) -> Code:
        with self._lock:
            if md5 not in self._codes:
                self._codes[md5] = StoredCode(self._folder / f"code-{next(self._numbers)}", self._store, md5)
            return self._codes[md5]
