"""Stages as functions of bytes: the processes of their commands, their scratch folders, and the store."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from projects import ROOT, run, wait_until

from stages.scheduling.node import Code, Node
from stages.scheduling.processes import Processes, python_arguments
from stages.scheduling.store import CacheStore
from stages.scheduling.task import Result, Task, hash_path

pytestmark = pytest.mark.posix

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
ENVIRONMENT = {"PATH": PATH, "OWN": "variable"}
SCRIPT = """
import os, sys
print(__name__, sys.argv[1:], sys.orig_argv[1:], os.getcwd(), os.environ["OWN"], "json" in sys.modules, file=sys.stderr)
import helper
sys.exit(helper.STATUS)
"""


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    found = Processes()
    yield found
    found.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "helper.py").write_text("STATUS = 3\n")
    return tmp_path


@pytest.mark.parametrize("command", ["python script.py a b=1", "python -m script a b=1"])
def test_a_python_command_is_as_in_a_process_of_its_own(command: str, folder: Path, processes: Processes) -> None:
    ended = processes.run(command, folder, ENVIRONMENT, folder / "log", preload=["json"])
    said = (folder / "log").read_text()
    assert ended == 3
    assert said.startswith("__main__ ['a', 'b=1'] ")
    assert f"{folder} variable True" in said
    alone = subprocess.run(
        [sys.executable, *command.split()[1:]], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (ended, said) == (alone.returncode, alone.stderr.replace("variable False", "variable True"))


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("echo $OWN | tr a-z A-Z", 0, "VARIABLE\n"),
        ("kill -9 $$", -9, ""),
        ("no-such-command", 127, "not found"),
        ("python -c 'raise SystemExit(\"bad\")'", 1, "bad\n"),
    ],
)
def test_any_other_command_is_given_to_a_shell(
    command: str, status: int, said: str, tmp_path: Path, processes: Processes
) -> None:
    assert processes.run(command, tmp_path, ENVIRONMENT, tmp_path / "log") == status
    assert said in (tmp_path / "log").read_text()


def test_a_plain_call_of_this_python_is_told_from_others() -> None:
    assert python_arguments("python -m stages.train relu_100", PATH) == ["-m", "stages.train", "relu_100"]
    assert python_arguments("python make.py --rate=0.1", PATH) == ["make.py", "--rate=0.1"]
    for other in ("python -c pass", "python make.py > log", "A=1 python make.py", "echo python", "python", "python $X"):
        assert python_arguments(other, PATH) is None
    assert python_arguments("python make.py", "/nowhere") is None


def test_no_end_of_many_short_commands_is_lost(tmp_path: Path, processes: Processes) -> None:
    commands = ["true", "python -m this", "false"] * 40
    with ThreadPoolExecutor(8) as threads:
        ends = list(threads.map(lambda each: processes.run(each, tmp_path, ENVIRONMENT, tmp_path / "log"), commands))
    assert ends == [0, 0, 1] * 40


def test_what_is_not_wanted_any_more_is_ended_with_all_that_it_started(tmp_path: Path, processes: Processes) -> None:
    pids = tmp_path / "pids"
    command = f"trap '' INT; sleep 1000 & echo $! > {pids}; wait"
    started = time.monotonic()
    ended = processes.run(command, tmp_path, ENVIRONMENT, tmp_path / "log", wanted=lambda: not pids.exists())
    assert ended < 0
    assert time.monotonic() - started < 60
    wait_until(lambda: not psutil.pid_exists(int(pids.read_text())))


@pytest.mark.fault("python -m stages.parallel", "killed (SIGKILL)")
def test_what_runs_ends_with_the_process_that_asked_for_it(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; import os; from stages.scheduling.processes import Processes; "
        "Processes().run('echo $$ > pid; sleep 1000', Path.cwd(), dict(os.environ), Path('log'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as driver:
        wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        driver.send_signal(signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(int((tmp_path / "pid").read_text())))


@pytest.fixture
def node(tmp_path: Path, processes: Processes) -> Node:
    """A node beside a repository with a file of code, an ignored folder, and an input in the store."""
    root, store = tmp_path / "repository", CacheStore(tmp_path / "cache")
    (root / "ignored").mkdir(parents=True)
    (root / "ignored" / "tool").write_text("tool")
    (root / ".gitignore").write_text("/ignored/\n/data/\n")
    (root / "code").write_text("code")
    (root / "other").write_text("other")
    (root / "data").mkdir()
    (root / "data" / "input").write_text("input")
    run(root, "git", "init", "-q")
    store.put(root / "data" / "input", hash_path(root / "data" / "input").md5)
    code = Code(root, ["data/input", "data/out"])
    return Node(tmp_path / "node", store, processes, lambda _: code)


def asked(node: Node, command: str, **fields: object) -> Result:
    """Run a task that depends on `code` and on `data/input`, and writes `data/out`."""
    root = node.folder.parent / "repository"
    deps = [{"path": path, **hash_path(root / path).entry} for path in ("code", "data/input")]
    record = {"cmd": command, "deps": deps}
    task = Task("it", "0" * 64, record, ("data/out",), str(root), **fields)  # type: ignore[arg-type]
    return node.run(task, node.folder.parent / "log")


def test_a_task_leaves_its_outputs_and_a_record_in_the_store(node: Node) -> None:
    result = asked(node, "cat code data/input ignored/tool > data/out")
    (out,) = result.outs
    assert node.store.has(out["md5"])
    assert (out["path"], out["size"]) == ("data/out", len("codeinputtool"))
    (record,) = node.store.records("0" * 64)
    assert record["outs"] == [out]
    assert not (node.folder.parent / "repository/data/out").exists()


def test_a_task_finds_nothing_of_the_one_before(node: Node) -> None:
    assert asked(node, "echo 1 > data/out; echo 1 > left; echo 1 >> other; mkdir more; rm .gitignore").failure is None
    result = asked(node, "test ! -e left && test ! -e more && test -s .gitignore && cat other > data/out")
    assert result.outs[0]["size"] == len("other")


@pytest.mark.bad_input("a stage", "a command that does not do what dvc.yaml says")
@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("true", "expected it to write data/out, got nothing there"),
        ("echo bad; exit 3", r"bad \(exited with 3\)"),
        ("exit 3", r"`exit 3` exited with 3"),
        ("echo spoiled > data/input; echo 1 > data/out", "data/input: expected a dependency to stay as it is"),
        ("rm data/input; cp code data/input; echo 1 > data/out", "data/input: expected a dependency to stay as it is"),
        ("echo more >> code; cp code data/out", "code: expected a dependency to stay as it is"),
        ("mkfifo data/out", "data/out: expected a file or a folder, got something else"),
    ],
)
def test_a_task_that_fails_says_why_and_leaves_no_record(command: str, said: str, node: Node) -> None:
    assert re.search(said, asked(node, command).failure or "")
    assert not node.store.records("0" * 64)
    assert asked(node, "cat data/input > data/out").outs[0]["size"] == len("input")


def test_a_dependency_that_changed_meanwhile_is_told(node: Node) -> None:
    root = node.folder.parent / "repository"
    changed = {"path": "code", "hash": "md5", "md5": "0" * 32}
    task = Task("it", "1" * 64, {"cmd": "true", "deps": [changed]}, ("data/out",), str(root))
    failure = node.run(task, node.folder.parent / "log").failure or ""
    assert failure.startswith(f"{root}/code: expected MD5 {'0' * 32}, as when the stage began to wait, got ")


def test_what_dvcignore_leaves_out_is_no_output(node: Node) -> None:
    root = node.folder.parent / "repository"
    (root / ".dvcignore").write_text("*.log\n")
    result = asked(node, "mkdir data/out; echo 1 > data/out/kept; echo 2 > data/out/left.log")
    assert result.outs[0]["nfiles"] == 1
    (root / "data/out").mkdir()
    (root / "data/out/kept").write_text("1\n")
    assert result.outs[0]["md5"] == hash_path(root / "data/out").md5


def test_a_submodule_and_a_link_to_a_folder_are_there(node: Node) -> None:
    root = node.folder.parent / "repository"
    (root / "module").mkdir()
    (root / "module" / "file").write_text("module")
    run(root / "module", "git", "init", "-q")
    (root / "link").symlink_to("module")
    assert asked(node, "cat module/file link/file > data/out").outs[0]["size"] == 2 * len("module")


def test_what_reads_a_dependency_that_another_stage_spoils_fails_too(node: Node) -> None:
    with ThreadPoolExecutor(2) as threads:
        victim = threads.submit(asked, node, "touch ../../ready; sleep 2; cp data/input data/out")
        wait_until(lambda: (node.folder / "ready").exists())
        writer = asked(node, "echo spoiled >> data/input; cp data/input data/out")
        later = asked(node, "cp data/input data/out")
    assert "data/input: expected a dependency to stay as it is" in (writer.failure or "")
    assert "data/input: expected a dependency to stay as it is" in (victim.result().failure or "")
    assert later.outs[0]["size"] == len("input")


def test_a_link_in_an_output_is_taken_for_what_it_points_to(node: Node, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("outside")
    outside.chmod(0o644)
    result = asked(
        node, f"mkdir data/out; ln -s {outside} data/out/link; ln -s {outside} data/out/a; echo 1 > data/out/b"
    )
    assert result.outs[0]["nfiles"] == 3
    store = node.store
    assert isinstance(store, CacheStore)
    path = store.path(hash_path(outside).md5)
    assert path.read_text() == "outside"
    assert not path.is_symlink()
    assert outside.stat().st_mode & 0o777 == 0o644
    assert not list(store.folder.glob("new-*"))


def test_a_damaged_record_is_no_record(node: Node) -> None:
    assert asked(node, "cp code data/out").failure is None
    for content in ("", "cmd: [", "cmd: x\n"):
        (path,) = (node.folder.parent / "cache/runs").rglob("0" * 64 + "/*")
        path.write_text(content)
        assert node.store.records("0" * 64) == []
        assert not path.exists()
        assert asked(node, "cp code data/out").failure is None


def test_what_a_command_leaves_in_the_background_ends_with_it(tmp_path: Path, processes: Processes) -> None:
    processes.run("sleep 1000 & echo $! > pid", tmp_path, ENVIRONMENT, tmp_path / "log")
    wait_until(lambda: not psutil.pid_exists(int((tmp_path / "pid").read_text())))
