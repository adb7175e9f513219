"""What a cluster refuses before anything runs; remotes as stores; classes of machines."""

import argparse
import hashlib
import json
import logging
import shutil
import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import LocalCluster
from dvc.repo import Repo
from projects import dvc, initialize, trivial_project
from test_parallel import parallel as parallel_of
from test_sharing import remote as remote_of_kind

from stages.cluster import connection, machine, node
from stages.cluster.connection import check_address, read_cluster, started, use_tls
from stages.cluster.executor import Exchange
from stages.cluster.node import recorded
from stages.scheduling import remote
from stages.scheduling.executors import LocalExecutor
from stages.scheduling.node import Code, Node
from stages.scheduling.processes import Processes
from stages.scheduling.remote import RemoteError, RemoteStore, remote_config
from stages.scheduling.run import Run, Running, run_all
from stages.scheduling.store import CacheStore
from stages.scheduling.task import Result, Task
from stages.scheduling.workspace import Workspace

pytestmark = pytest.mark.posix

KEY = "0123456789abcdef" * 4
ONE_EACH = ("info", "exists", "get_file", "put_file", "pipe_file", "cat_file", "mv", "ls", "makedirs")
LISTS_ALL = ("find", "walk", "glob")
OPEN = "--insecure` allows it"
HERE = """
stages:
  each:
    foreach: [a, b, c]
    do: {cmd: echo start >> log; sleep 0.1; echo end >> log, always_changed: true}
"""


def record(md5: str) -> dict[str, Any]:
    return {"cmd": "true", "deps": [], "outs": [{"path": "out", "hash": "md5", "md5": md5, "size": 1}]}


def stored(store: Any, folder: Path, text: str) -> str:
    """Put a text into a store; its name."""
    path = folder / "text"
    path.write_text(text)
    md5 = hashlib.md5(text.encode()).hexdigest()  # noqa: S324
    store.put(path, md5)
    return md5


@pytest.mark.bad_input("a cluster", "an address without TLS beyond this machine")
@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tcp://head:8786", "tcp://[2001:db8::1]:8786"])
def test_an_open_address_is_refused_with_the_reason(address: str) -> None:
    with pytest.raises(ValueError, match=f"{address.replace('[', '.').replace(']', '.')}: expected tls://….*{OPEN}"):
        check_address(address, insecure=False)
    check_address(address, insecure=True)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786"])
def test_an_address_of_this_machine_needs_no_tls(address: str) -> None:
    check_address(address, insecure=False)


@pytest.mark.bad_input("a cluster", "an address of another kind, TLS without certificates")
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://head:8786", "expected tcp://host:port or tls://host:port"),
        ("tcp://", "expected tcp://host:port or tls://host:port"),
        ("tls://head:8786", "got no --tls-ca-file and no --tls-cert and no --tls-key"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(address: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_address(address, insecure=True)


@pytest.mark.bad_input("a cluster", "a file of TLS that is not there")
def test_missing_files_of_tls_are_named(tmp_path: Path) -> None:
    options = argparse.Namespace(tls_ca_file=None, tls_cert=tmp_path / "none.pem", tls_key=None)
    with pytest.raises(ValueError, match=f"--tls-cert: expected a file, got {tmp_path}/none.pem"):
        use_tls(options)
    assert dask.config.get("distributed.comm.tls.client.cert") is None


@pytest.mark.bad_input("a cluster", "a file that describes none")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "expected a scheduler's address or the file of a cluster, got: No such file"),
        ("[", "expected a scheduler's address or the file of a cluster, got: "),
        ("", "expected `class: <one of LocalCluster, "),
        ("class: 3", "expected `class: <one of LocalCluster, .*, got {'class': 3}"),
        ("{class: LocalCluster, size: 3}", "size: expected a key among class, arguments, scale, adapt"),
        ("{class: LocalCluster, arguments: 3}", "arguments: expected a mapping, got 3"),
        ("{class: LocalCluster, scale: 0}", "scale: expected a number of workers, 1 or more, got 0"),
        ("{class: LocalCluster, scale: two}", "scale: expected a number of workers, 1 or more, got 'two'"),
        ("{class: LocalCluster, adapt: 3}", "adapt: expected `minimum` and `maximum`, got 3"),
        ("{class: LocalCluster, adapt: {minimum: 2, maximum: 1}}", "adapt: expected maximum >= minimum"),
        ("{class: LocalCluster, scale: 1, adapt: {minimum: 0, maximum: 1}}", "expected `scale` or `adapt`, got both"),
    ],
)
def test_a_file_of_no_cluster_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "cluster.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=f"^{path}: {said}"):
        read_cluster(path)


@pytest.mark.bad_input("a cluster", "a class that is not there, arguments that it does not take")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"class": "NoCluster"}, "class: expected one of LocalCluster, .*, or `module.Name`, got NoCluster"),
        ({"class": "os.NoCluster"}, "class: expected one of .*, got os.NoCluster"),
        ({"class": "SLURMCluster"}, "SLURMCluster: expected arguments with which it starts, got: "),
        ({"class": "SSHCluster", "arguments": {"hosts": []}}, "SSHCluster: expected arguments .*, got: `hosts`"),
    ],
)
def test_a_cluster_that_cannot_start_says_why(content: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=f"^cluster.yaml: {said}"), started(content, Path("cluster.yaml"), False):
        pass


@pytest.mark.bad_input("a cluster", "hosts beyond this machine without TLS")
def test_hosts_are_not_started_without_tls() -> None:
    content = {"class": "SSHCluster", "arguments": {"hosts": ["localhost", "node.invalid"]}}
    with pytest.raises(ValueError, match=f"tcp://node.invalid: .*{OPEN}"), started(content, Path("it.yaml"), False):
        pass


def test_the_classes_of_job_queues_leave_ctrl_c_alone() -> None:
    handler = signal.getsignal(signal.SIGINT)
    for name in connection.KINDS:
        assert connection._class(name, Path("cluster.yaml")).__name__ == name
    assert signal.getsignal(signal.SIGINT) is handler


def test_dask_says_nothing_itself() -> None:
    connection.silence_dask()
    for name in ("distributed", "distributed.client", "distributed.worker"):
        assert not logging.getLogger(name).isEnabledFor(logging.ERROR)


def test_a_cluster_that_opens_a_port_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Open(LocalCluster):
        scheduler_address = "tcp://10.0.0.1:8786"

    monkeypatch.setattr(connection, "_class", lambda *_: Open)
    content = {"class": "Open", "arguments": {"n_workers": 0, "dashboard_address": None, "processes": False}}
    with pytest.raises(ValueError, match=OPEN), started(content, Path("cluster.yaml"), False):
        pass


@pytest.mark.bad_input("a cluster", "a project without a remote, a remote that is not there")
def test_a_cluster_needs_a_remote(tmp_path: Path) -> None:
    project = trivial_project(tmp_path)
    done = parallel_of(project, "--cluster", "tcp://127.0.0.1:1")
    assert (
        done.returncode == "core.remote: expected a DVC remote that nodes reach, got none: `dvc remote add --default`"
    )
    done = parallel_of(project, "--cluster", "tcp://127.0.0.1:1", "--remote", "none")
    assert done.returncode == "config file error: remote 'none' doesn't exist"


@pytest.mark.bad_input("a cluster", "a remote that cannot be written to")
def test_a_remote_is_written_to_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "SECONDS_BETWEEN_TRIES", 0)
    project = trivial_project(tmp_path)
    for url in ("/proc/nope", str(project / "raw")):
        dvc(project, "remote", "add", "-q", "--force", "store", url)
        done = parallel_of(project, "--cluster", "tcp://127.0.0.1:1", "--remote", "store")
        assert f"remote.store: {url}: expected a folder to write to and to read, got " in done.returncode
    RemoteStore({"url": str(tmp_path / "storage")}).check("store")
    assert not list((tmp_path / "storage").iterdir())


def test_the_stages_that_run_here_are_as_many_at_once_as_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    initialize(tmp_path)
    (tmp_path / "dvc.yaml").write_text(HERE)
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(tmp_path)
    executor = LocalExecutor(16, tmp_path / ".dvc/tmp/node", workspace.store, {})
    executor.here = ThreadPoolExecutor(1)  # as with --cluster and -j 1
    run = Run(workspace, workspace.graph, executor)
    run_all([run], executor, False, [])
    workspace.close()
    assert run.is_complete
    assert (tmp_path / "log").read_text().split() == ["start", "end"] * 3


def test_the_seconds_of_a_stage_are_those_that_it_ran() -> None:
    future, submitted = Future[Result](), time.monotonic() - 100
    running = Running("train", future, None, submitted)
    assert running.seconds >= 100
    future.set_result(Result(seconds=5))
    assert running.seconds == 5


@pytest.mark.fault("a cluster", "Ctrl-C before it is connected")
def test_ctrl_c_ends_a_run_that_learns_its_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def machine_for_long() -> None:
        signal.raise_signal(signal.SIGINT)
        pytest.fail("expected an end at once")

    monkeypatch.setattr(machine, "machine", machine_for_long)
    project = trivial_project(tmp_path)
    dvc(project, "remote", "add", "-q", "--default", "storage", str(tmp_path / "storage"))
    assert parallel_of(project, "--cluster", "tcp://127.0.0.1:1").returncode == 128 + signal.SIGINT


@pytest.mark.bad_input("a cluster", "a remote with versions of files")
def test_a_remote_that_is_no_store_of_objects_is_refused(tmp_path: Path) -> None:
    with Repo(str(trivial_project(tmp_path))) as repo:
        repo.config["remote"]["cloud"] = {"url": "s3://bucket", "version_aware": True}
        with pytest.raises(ValueError, match=r"remote\.cloud: expected objects by their hash"):
            remote_config(repo, "cloud")


def test_a_remote_keeps_objects_and_records_where_dvc_does(tmp_path: Path) -> None:
    store, cache = RemoteStore({"url": str(tmp_path / "remote")}), CacheStore(tmp_path / "cache")
    for each in (store, cache):
        each.add_record(KEY, record(stored(each, tmp_path, "a")))
    files = [
        sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        for root in (tmp_path / "remote", tmp_path / "cache")
    ]
    assert files[0] == files[1]
    assert store.records(KEY) == cache.records(KEY) == [record(hashlib.md5(b"a").hexdigest())]  # noqa: S324
    assert store.records("f" * 64) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "ssh", "s3"])
def test_a_remote_of_each_kind_is_a_store(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("project", "served"):
        (tmp_path / name).mkdir()
    project = trivial_project(tmp_path / "project")
    with remote_of_kind(kind, tmp_path / "served") as (commands, variables):
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        for command in commands:
            dvc(project, *command)
        with Repo(str(project)) as repo:
            config = remote_config(repo)
        config = json.loads(json.dumps(config))  # as it comes to a node
        store, other = RemoteStore(config), RemoteStore(config)
        store.check("storage")
        assert store.records(KEY) == []
        md5 = stored(store, tmp_path, "a")
        assert other.has(md5)
        assert not other.has("f" * 32)
        other.get(md5, tmp_path / "got")
        assert (tmp_path / "got").read_text() == "a"
        other.add_record(KEY, record(md5))
        assert store.records(KEY) == [record(md5)]
        other.add_record(KEY, record("f" * 32))
        assert len(store.records(KEY)) == 2
        with pytest.raises(FileNotFoundError):
            store.get("f" * 32, tmp_path / "none")


@pytest.mark.fault("a remote", "an object has other bytes")
def test_an_object_with_other_bytes_is_refused(tmp_path: Path) -> None:
    store = RemoteStore({"url": str(tmp_path / "remote")})
    md5 = stored(store, tmp_path, "a")
    (tmp_path / "remote/files/md5" / md5[:2] / md5[2:]).write_text("b")
    with pytest.raises(OSError, match=f"{tmp_path}/remote/files/md5/.*: expected bytes with the MD5 {md5}, got "):
        store.get(md5, tmp_path / "got")
    assert not (tmp_path / "got").exists()


@pytest.mark.fault("a remote", "an object that was damaged is removed")
def test_a_removed_object_is_put_again_by_the_next_run(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/code.py").write_text("code")
    (tmp_path / "project/input").write_text("input")
    code, cache = Code(tmp_path / "project"), CacheStore(tmp_path / "cache")
    store = RemoteStore({"url": str(tmp_path / "remote")})
    deps = [{"path": "input", "md5": hashlib.md5(b"input").hexdigest()}]  # noqa: S324
    task = Task("train", KEY, {"cmd": "true", "deps": deps}, ("out",), "here")

    def sent() -> set[Path]:
        Exchange(cache, store, {"here": code}).send(task)
        return {path for path in (tmp_path / "remote/files").rglob("*") if path.is_file()}

    before = sent()
    assert len(before) == 3  # with the list of the code
    for path in before:
        path.unlink()
        assert sent() == before


@pytest.mark.fault("a remote", "it does not answer")
def test_an_operation_is_tried_again_before_it_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "SECONDS_BETWEEN_TRIES", 0)
    store, failures = RemoteStore({"url": str(tmp_path)}), [OSError("busy")] * 2

    def info(_: str) -> dict[str, Any]:
        if failures:
            raise failures.pop()
        return {}

    monkeypatch.setattr(store._fs, "info", info)
    assert store.has("a" * 32)
    failures += [OSError("busy")] * 3
    with pytest.raises(RemoteError, match=f"^{tmp_path}: expected a remote that answers, got OSError\\('busy'\\)"):
        store.has("a" * 32)


def test_the_operations_on_a_remote_do_not_grow_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def operations(others: int) -> list[str]:
        root = tmp_path / str(others)
        filled = RemoteStore({"url": str(root)})
        for number in range(others):
            stored(filled, tmp_path, f"other {number}")
            filled.add_record(hashlib.sha256(str(number).encode()).hexdigest(), record(f"{number:032}"))
        store, called = RemoteStore({"url": str(root)}), list[str]()

        def counted(name: str, whole: Any) -> Any:
            def call(*arguments: Any, **options: Any) -> Any:
                called.append(name)
                return whole(*arguments, **options)

            return call

        for name in (*ONE_EACH, *LISTS_ALL):
            monkeypatch.setattr(store._fs, name, counted(name, getattr(store._fs, name)))
        md5 = stored(store, tmp_path, "a")
        store.get(md5, tmp_path / "got")
        store.add_record(KEY, record(md5))
        assert store.records(KEY)
        return called

    few, many = operations(0), operations(300)
    assert few == many
    assert len(few) < 15
    assert not set(LISTS_ALL) & set(few)


def test_a_result_that_is_there_is_found_by_its_key_alone(tmp_path: Path) -> None:
    store = RemoteStore({"url": str(tmp_path / "remote")})
    task = Task("train", KEY, {"cmd": "true"}, ("out",), "")
    assert recorded(store, task) is None
    store.add_record(KEY, record("a" * 32))
    assert recorded(store, task) is None  # its bytes are not there
    shutil.rmtree(tmp_path / "remote")
    store.add_record(KEY, record(stored(store, tmp_path, "a")))
    found = recorded(store, task)
    assert found
    assert found.outs == tuple(record(hashlib.md5(b"a").hexdigest())["outs"])  # noqa: S324


@pytest.mark.fault("a remote", "a record is damaged")
@pytest.mark.parametrize(
    "text", ["", "{", "[]", "cmd: true", "{cmd: true, outs: []}", "{cmd: true, outs: [{path: a}]}"]
)
def test_a_record_that_is_none_is_passed_over(tmp_path: Path, text: str) -> None:
    store = RemoteStore({"url": str(tmp_path / "remote")})
    store.add_record(KEY, record("a" * 32))
    (written,) = (tmp_path / "remote/runs").glob("*/*/*")
    (written.parent / ("0" * 64)).write_text(text)
    assert store.records(KEY) == [record("a" * 32)]
    written.write_bytes(b"\xff")
    assert store.records(KEY) == []


@pytest.mark.fault("a cluster", "a stage raises what nobody expects")
def test_an_error_of_a_task_is_its_failure_but_that_of_a_remote_is_not(tmp_path: Path) -> None:
    def code(md5: str) -> Code:
        raise {"remote": RemoteError("busy"), "other": KeyError("relpath")}[md5]

    made = Node(tmp_path / "node", CacheStore(tmp_path / "cache"), Processes(), code)
    task = Task("train", KEY, {"cmd": "true"}, ("out",), "other")
    assert node._run(made, task, tmp_path / "log", lambda: True).failure == "KeyError: 'relpath'"
    with pytest.raises(RemoteError, match="busy"):
        node._run(made, replace(task, code="remote"), tmp_path / "log", lambda: True)


@pytest.mark.fault("a remote", "it has results of different bytes for one key")
def test_two_results_of_a_key_are_a_failure_that_shows_both(tmp_path: Path) -> None:
    store = RemoteStore({"url": str(tmp_path / "remote")})
    for md5 in ("a" * 32, "b" * 32):
        store.add_record(KEY, record(md5))
    found = recorded(store, Task("train", KEY, {"cmd": "true"}, ("out",), ""))
    assert found
    assert found.failure
    assert all(f"out with the MD5 {md5}" in found.failure for md5 in ("a" * 32, "b" * 32))


def test_a_class_names_all_that_moves_bytes_and_says_what_differs() -> None:
    one = {"keras": "3.15.1", "training of a small network": "a"}
    assert machine.class_of(one) == machine.class_of(dict(reversed(one.items())))
    other = {**one, "training of a small network": "b"}
    assert machine.class_of(one) != machine.class_of(other)
    assert machine.differences(one, other) == "training of a small network: expected a, got b"
    assert machine.differences(one, {"keras": "3.15.1"}) == "training of a small network: expected a, got nothing"


@pytest.mark.slow
def test_the_same_machine_is_of_one_class_and_other_kernels_are_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine.machine.__wrapped__()
    assert machine.machine.__wrapped__() == here
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    other = machine.machine.__wrapped__()
    assert "training of a small estimator" in machine.differences(here, other)
