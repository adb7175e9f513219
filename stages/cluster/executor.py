"""Run tasks on the workers of a Dask cluster; their inputs and outputs go through a DVC remote."""

import json
import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distributed import Client
from distributed import Future as Remote
from distributed.scheduler import KilledWorker
from dvc.env import DVC_ROOT

from stages.cluster.machine import Machine, class_of, differences, machine
from stages.cluster.node import TOPIC, TRANSFERS, DescribeMachine, run_on_node
from stages.scheduling.node import Code
from stages.scheduling.remote import RemoteStore
from stages.scheduling.store import CacheStore, Store
from stages.scheduling.task import Result, Task, hash_path

SECONDS_WITHOUT_WORKER = 20
"""After so many without a worker that may take its tasks, the driver says so."""
SECONDS_BETWEEN_LOOKS = 2
TRIES_AGAIN = 3
"""If the store does not answer a worker, or what it did was ended. The task of a lost worker is Dask's to repeat."""
LEAST_SUBMITTED = 16


class DaskExecutor:
    """The workers of a Dask cluster that are of one class; see `stages.scheduling.executors.Executor`."""

    def __init__(
        self,
        client: Client,
        machine_class: str,
        config: Mapping[str, Any],
        cache: CacheStore,
        codes: Mapping[str, Code],
        jobs: int,
        say: Callable[[str], None],
    ) -> None:
        """Make nodes of the workers.

        machine_class: of the workers that may run tasks; config: of the remote, see `RemoteStore`; cache: gets what
        tasks leave; codes: by `Task.code`; jobs: stages at once in workspaces; say: is given lines about the workers.
        """
        self.here = ThreadPoolExecutor(jobs)
        self._client, self._config, self._cache = client, dict(config), cache
        self._address = client.scheduler_info()["address"]
        self._exchange = Exchange(cache, RemoteStore(config), codes)
        self._workers = Workers(client, machine_class, say, lambda: len(self._running))
        self._threads = ThreadPoolExecutor(TRANSFERS)
        self._futures: dict[str, Future[Result]] = {}
        self._running: dict[str, Remote] = {}

    @property
    def slots(self) -> int:
        """Number of tasks to submit: more than can run at once, so that a cluster that adapts has a reason to grow."""
        return max(2 * self._workers.slots, LEAST_SUBMITTED)

    def submit(self, task: Task, log: Path, priority: float = 0) -> "Future[Result]":
        """See `Executor`."""
        if task.key not in self._futures:
            self._futures[task.key] = Future()
            log.unlink(missing_ok=True)
            self._threads.submit(self._send, task, log, priority)
        return self._futures[task.key]

    def prepare(self, preload: Sequence[str]) -> None:
        """See `Executor`: a worker imports them with the first task that needs them."""

    def close(self, hurry: Callable[[], bool] = lambda: False) -> None:  # noqa: ARG002 (it does not wait)
        """See `Executor`: the workers see that nobody waits any more for what they run."""
        self.here.shutdown(wait=False, cancel_futures=True)
        self._workers.close()
        with suppress(OSError, CancelledError):
            self._client.cancel(list(self._running.values()))
        self._threads.shutdown(cancel_futures=True)

    def _send(self, task: Task, log: Path, priority: float) -> None:
        try:
            remote = self._client.submit(
                run_on_node,
                self._exchange.send(task),
                self._config,
                key=task.key,
                priority=priority,
                resources={self._workers.machine_class: 1},
                retries=TRIES_AGAIN,
                pure=False,
            )
        except Exception as error:
            self._futures[task.key].set_result(Result(failure=str(error)))
            return
        self._running[task.key] = remote
        remote.add_done_callback(lambda _: self._end(task, log))

    def _end(self, task: Task, log: Path) -> None:
        with suppress(RuntimeError):  # closed
            self._threads.submit(self._receive, task, log)

    def _receive(self, task: Task, log: Path) -> None:
        try:
            result, said = self._running.pop(task.key).result()
            log.write_bytes(said)
            for out in result.outs:
                self._exchange.receive(out["md5"])
            if result.failure is None:
                self._cache.add_record(task.key, {**task.record, "outs": list(result.outs)})
        except KilledWorker as error:
            reason = f"lost {error.allowed_failures + 1} workers that ran it, the last {error.last_worker.address}"
            result = Result(failure=reason)
        except CancelledError:
            result = Result(failure=f"lost the scheduler {self._address}; when it runs again, the same command goes on")
        except Exception as error:
            result = Result(failure=str(error))
        self._futures[task.key].set_result(result)


class Exchange:
    """Copies what is missing between this machine and a remote."""

    def __init__(self, cache: CacheStore, remote: Store, codes: Mapping[str, Code]) -> None:
        self._cache, self._remote, self._sources = cache, remote, codes
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._there: set[str] = set()
        self._codes: dict[str, str] = {}

    def send(self, task: Task) -> Task:
        """Put the code and the inputs of a task into the remote; returns the task as it is for a node."""
        root = self._sources[task.code].root
        with self._locks[task.code]:
            if task.code not in self._codes:
                self._codes[task.code] = self._send_code(self._sources[task.code])
        inputs = {entry["path"]: entry["md5"] for entry in task.record.get("deps", [])} | dict(task.files)
        files = {
            each: root / task.wdir / path / inner
            for path, md5 in inputs.items()
            for inner, each in task.folders.get(md5, {"": md5}).items()
        }
        _at_once(self._send, [each for each in files.items() if each[0] not in self._there])
        variables = {name: value for name, value in task.variables.items() if name != DVC_ROOT}
        return replace(task, code=self._codes[task.code], variables=variables)

    def _send(self, each: tuple[str, Path]) -> None:
        md5, path = each
        with self._locks[md5]:
            if self._cache.has(md5):
                self._remote.put(self._cache.path(md5), md5)
            elif self._remote.has(md5) or not path.is_file():
                return
            else:
                with TemporaryDirectory() as folder:
                    copy = Path(folder) / "copy"  # the file may change meanwhile
                    shutil.copyfile(path, copy)
                    if hash_path(copy).md5 != md5:
                        return
                    self._remote.put(copy, md5)
            self._there.add(md5)

    def receive(self, md5: str) -> None:
        """Copy an output, a file or a folder, from the remote to the cache."""
        self._cache.folder.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._cache.folder, prefix="new-") as folder:  # from which the cache links

            def get(name: str) -> None:
                with self._locks[name]:
                    if not self._cache.has(name):
                        self._remote.get(name, Path(folder) / name)
                        self._cache.put(Path(folder) / name, name)
                self._there.add(name)

            if md5.endswith(".dir"):
                listing = Path(folder) / "list"
                self._remote.get(md5, listing)
                _at_once(get, list({each["md5"] for each in json.loads(listing.read_text(encoding="utf-8"))}))
            get(md5)

    def _send_code(self, code: Code) -> str:
        with TemporaryDirectory() as folder:
            copies = {name: Path(folder) / str(number) for number, name in enumerate(sorted(code.files))}
            for name, copy in copies.items():
                shutil.copyfile(code.root / name, copy)
            files = {copy: hash_path(copy).md5 for copy in copies.values()}
            entries = [
                {"md5": files[copy], "relpath": name, "isexec": os.access(code.root / name, os.X_OK)}
                for name, copy in copies.items()
            ]
            listing = Path(folder) / "list"
            listing.write_text(json.dumps(entries), encoding="utf-8", newline="\n")
            md5 = f"{hash_path(listing).md5}.dir"
            _at_once(lambda each: self._remote.put(*each), list(files.items()))
            self._remote.put(listing, md5)
        self._there.update(files.values())
        return md5


def _at_once(do: Callable[[Any], Any], items: list[Any]) -> None:
    with ThreadPoolExecutor(TRANSFERS) as threads:
        list(threads.map(do, items))


class Workers:
    """What is known of the workers: which are of the class, and which are refused, and why."""

    def __init__(
        self, client: Client, machine_class: str, say: Callable[[str], None], tasks: Callable[[], int]
    ) -> None:
        """Give each worker its part. tasks: number of tasks that wait or run; others as in `DaskExecutor`."""
        self.machine_class, self.slots = machine_class, 0
        self._client, self._say, self._tasks = client, say, tasks
        self._classes: dict[str, str] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Say nothing any more."""
        self._closed.set()
        self._thread.join()

    def _describe(self) -> None:
        with suppress(OSError, CancelledError):  # it waits for all workers; meanwhile the client may be closed
            self._client.register_plugin(DescribeMachine())

    def _meet(self, message: dict[str, Any]) -> None:
        """Note the class of a worker, and say why it is refused."""
        name = f"worker {message['name']} ({message['worker']})"
        if "failure" in message:
            self._classes[message["worker"]] = "that could not be learned"
            self._say(f"{name} is refused: {message['failure']}")
            return
        found: Machine = message["machine"]
        self._classes[message["worker"]] = class_of(found)
        if class_of(found) != self.machine_class:
            why = f"expected class {self.machine_class}, got {class_of(found)}"
            here = machine()
            if class_of(here) == self.machine_class:
                why += f" ({differences(here, found)})"
            self._say(f"{name} is refused: {why}")

    def _watch(self) -> None:
        """Make nodes of the workers, and count their slots; say it once when there have been none for a while."""
        threading.Thread(target=self._describe, daemon=True).start()
        last, said = time.monotonic(), False
        while not self._closed.wait(SECONDS_BETWEEN_LOOKS):
            try:
                workers = self._client.scheduler_info(n_workers=-1)["workers"]
                unknown = workers.keys() - self._classes.keys()
                messages = [message for _, message in self._client.get_events(TOPIC)] if unknown else []
            except (OSError, CancelledError):
                continue
            for message in {each["worker"]: each for each in messages if each["worker"] in unknown}.values():
                self._meet(message)
            counts = [worker["resources"].get(self.machine_class, 0) for worker in workers.values()]
            self.slots = int(sum(counts))
            if self.slots or not self._tasks():
                last, said = time.monotonic(), False
            elif time.monotonic() - last > SECONDS_WITHOUT_WORKER and not said:
                classes = sorted({self._classes.get(address, "not known yet") for address in workers})
                got = f"{len(workers)} of class {', '.join(classes)}" if workers else "no worker at all"
                self._say(f"{self._tasks()} tasks wait: expected a worker of class {self.machine_class}, got {got}")
                said = True
