"""`python -m stages.parallel` beside `dvc repro`, on small projects of Git and DVC."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from projects import copied, dvc, environment, is_clean, noted, parallel, run, trivial_project, wait_until

from stages.parallel import main
from stages.scheduling.graph import estimate, named, with_downstream, with_upstream
from stages.scheduling.signals import one_at_a_time
from stages.scheduling.workspace import FOLDER, Workspace

pytestmark = pytest.mark.posix

LIMIT = 120
"""Seconds after which something that should happen never will."""


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that never ran; not to be changed."""
    folder = tmp_path_factory.mktemp("parallel") / "new"
    folder.mkdir()
    return trivial_project(folder)


@pytest.fixture(scope="module")
def finished(new: Path) -> Path:
    """A project that `dvc repro` ran; not to be changed."""
    folder = copied(new, new.with_name("finished"))
    dvc(folder, "repro", "-q")
    return folder


@pytest.fixture(scope="module")
def other(finished: Path) -> Path:
    """A project that `dvc repro` ran again after a change of its first input; not to be changed."""
    folder = copied(finished, finished.with_name("other"))
    (folder / "raw").write_text("other")
    dvc(folder, "repro", "-q")
    return folder


@pytest.fixture
def project(new: Path, tmp_path: Path) -> Path:
    """A project that never ran."""
    return copied(new, tmp_path / "project")


@pytest.fixture
def done(finished: Path, tmp_path: Path) -> Path:
    """A project that `dvc repro` ran; its log is empty."""
    folder = copied(finished, tmp_path / "project")
    shutil.rmtree(folder / "log")
    return folder


def test_a_run_from_nothing_leaves_what_dvc_repro_leaves(project: Path, finished: Path) -> None:
    # The two trainings are there at once, and end in the other order.
    done = run(project, sys.executable, "-m", "stages.parallel", "-j", "2", MEET="a b", LAST="a")
    assert done.returncode == 0, done.stdout
    assert (project / "dvc.lock").read_bytes() == (finished / "dvc.lock").read_bytes()
    assert (project / "data/last").read_text() == (finished / "data/last").read_text()
    assert is_clean(project)
    happened = noted(project)
    assert happened.index("end b") < happened.index("end a")
    for upstream, stage in (("first", "a"), ("configure", "b"), ("a", "last"), ("b", "last")):
        assert happened.index(f"end {upstream}") < happened.index(f"start {stage}")
    assert "\n[5/5] last: " in done.stdout


def test_with_nothing_to_do_no_stage_starts(done: Path) -> None:
    lock = (done / "dvc.lock").read_bytes()
    again = parallel(done)
    assert (again.returncode, again.stdout) == (0, "up to date: 5 stages\n")
    assert not (done / FOLDER / "first.log").exists()
    assert (done / "dvc.lock").read_bytes() == lock


@pytest.mark.slow
def test_entries_of_dvc_lock_keep_their_places_and_new_ones_follow(done: Path) -> None:
    (done / "params.yaml").write_text("variants: [y, a, x, b]\n")
    (done / "raw").write_text("other")
    serial = copied(done, done.with_name("serial"))
    dvc(serial, "repro", "-q")
    assert parallel(done, "-j", "2", MEET="y x", LAST="y").returncode == 0
    assert (done / "dvc.lock").read_bytes() == (serial / "dvc.lock").read_bytes()
    assert is_clean(done)


def test_what_is_downstream_of_the_same_bytes_does_not_start(done: Path) -> None:
    with (done / "params.yaml").open("a") as file:
        file.write("# not of interest\n")
    changed = parallel(done, "-j", "2")
    assert changed.returncode == 0
    assert noted(done) == ["start configure", "end configure"]
    assert changed.stdout.splitlines()[-1].endswith("; 3 more turned out to be up to date")
    assert is_clean(done)


def test_a_target_runs_with_what_it_depends_on(project: Path) -> None:
    assert parallel(project, "train@b", "-j", "2").returncode == 0
    assert {line for line in noted(project) if line.startswith("start")} == {
        "start first",
        "start configure",
        "start b",
    }


def test_after_a_failure_nothing_starts_that_does_not_run(project: Path) -> None:
    (project / "params.yaml").write_text("variants: [a, b, c]\n")
    failed = parallel(project, "-j", "1", FAIL="a")
    assert failed.returncode == 1
    assert failed.stdout.splitlines()[-3:] == [
        "train@a failed: a: expected good, got bad (exited with 1)",
        "not run, since they depend on it: last",
        "not started (`--keep-going` does): train@b, train@c",
    ]
    assert noted(project)[-1] == "start a"
    assert "at work\n" in failed.stdout  # what the stage printed
    assert str(FOLDER / "train@a.log") in failed.stdout


def test_with_keep_going_all_runs_that_does_not_depend_on_a_failure(project: Path) -> None:
    failed = parallel(project, "-j", "2", "-k", FAIL="a", MEET="a b", SLOW="b")
    assert failed.returncode == 1
    (first,) = (line for line in failed.stdout.splitlines() if "train@a: failed after" in line)
    assert first.endswith(f"see {FOLDER / 'train@a.log'}; running: train@b; about a minute left")
    assert "\n    a: expected good, got bad\n" in failed.stdout  # what the stage printed, and nothing of ours
    assert failed.stdout.splitlines()[-2:] == [
        "train@a failed: a: expected good, got bad (exited with 1)",
        "not run, since they depend on it: last",
    ]
    assert "end b" in noted(project)
    assert parallel(project, "-j", "2").returncode == 0
    assert [line for line in noted(project) if line.startswith("end")][-2:] == ["end a", "end last"]
    assert is_clean(project)


@pytest.mark.fault("python -m stages.parallel", "Ctrl-C or SIGTERM")
@pytest.mark.parametrize(
    ("number", "deaf"), [(signal.SIGINT, ""), pytest.param(signal.SIGTERM, "a", marks=pytest.mark.slow)]
)
def test_a_signal_ends_all_that_runs_and_dvc_repro_goes_on(number: int, deaf: str, done: Path, other: Path) -> None:
    (done / "raw").write_text("other")
    with subprocess.Popen(
        [sys.executable, "-m", "stages.parallel", "-j", "2"],
        cwd=done,
        env=environment(HANG="a", DEAF=deaf),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        pid = done / "log" / "a.pid"
        deadline = time.monotonic() + LIMIT
        while not (pid.exists() and pid.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        said, _ = process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + number
    assert f"ended by {signal.Signals(number).name} while this ran: " in said
    assert "train@a" in said.splitlines()[-1]
    stage = int(pid.read_text())
    assert not psutil.pid_exists(stage) or psutil.Process(stage).status() == psutil.STATUS_ZOMBIE
    dvc(done, "repro", "-q")
    assert (done / "dvc.lock").read_bytes() == (other / "dvc.lock").read_bytes()


@pytest.mark.slow
def test_a_signal_ends_the_wait_for_dvcs_lock(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(done)
    got: list[int] = []
    workspace, other = Workspace(done, got), Workspace(done)
    got.append(signal.SIGINT)
    with other.locked(), pytest.raises(KeyboardInterrupt), workspace.locked():
        pass
    with workspace.locked():
        assert workspace.out_of_date(workspace.graph) == set()


@pytest.mark.slow
@pytest.mark.fault("python -m stages.parallel", "killed (SIGKILL)")
def test_killed_at_once_nothing_goes_on_and_nothing_runs_twice(project: Path, finished: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "stages.parallel", "-j", "2"],
        cwd=project,
        env=environment(HANG="a"),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        while "train@b: " not in process.stdout.readline():
            assert process.poll() is None
        pid = project / "log" / "a.pid"
        wait_until(lambda: pid.exists() and pid.read_text())
        process.kill()
    wait_until(lambda: not psutil.pid_exists(int(pid.read_text())))
    assert parallel(project).returncode == 0
    assert sorted(noted(project)) == sorted([*noted(finished), "start a"])
    assert (project / "dvc.lock").read_bytes() == (finished / "dvc.lock").read_bytes()


@pytest.mark.slow
@pytest.mark.fault("an experiment", "its worker killed (SIGKILL)")
def test_it_runs_in_the_folder_of_an_experiment_whose_worker_died(done: Path) -> None:
    run(done, "git", "add", "--all")
    assert run(done, "git", "commit", "-qm", "done").returncode == 0
    (done / "raw").write_text("other")
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "exp", "run", "--temp"],
        cwd=done,
        env=environment(HANG="a"),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + LIMIT
        while not (done / "log" / "a.pid").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    (folder,) = (path.parent for path in done.glob(".dvc/tmp/exps/**/make.py"))
    finished = parallel(folder, "-j", "2", DVC_ROOT=str(done))
    assert finished.returncode == 0, finished.stdout
    assert is_clean(folder)
    assert (folder / "data/last").read_text().count("other") == 2


def test_an_unknown_target_is_told_with_those_like_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(SystemExit, match=r"^dvc\.yaml: expected one of train.*, got 'tran'$"):
        main(["tran"])


@pytest.mark.bad_input("python -m stages.parallel", "a folder that is not the root of a DVC repository")
@pytest.mark.parametrize("made", ["", ".dvc"], ids=["in none", "below the root"])
def test_only_the_root_of_a_repository_will_do(made: str, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    for path in (folder, tmp_path / made):
        path.mkdir(exist_ok=True)
    ended = parallel(folder)
    assert ended.returncode.startswith(f"expected the root of a DVC repository, got {folder}")
    assert ended.returncode.endswith(f"; `cd {tmp_path}`" if made else "which is in none")
    assert list(folder.iterdir()) == []


def test_one_run_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("1234567890")  # of a run before
    message = f"expected one run at a time, got process {os.getpid()}; wait for it or end it$"
    with one_at_a_time(tmp_path), pytest.raises(ValueError, match=message):  # noqa: SIM117
        with one_at_a_time(tmp_path):
            pass
    with one_at_a_time(tmp_path):
        pass


GRAPH: dict[str, set[str]] = {
    "download": set(),
    "train@a": {"download"},
    "train@b": {"download"},
    "compare": {"train@b"},
    "old.dvc": set(),
}


def test_targets_are_stages_and_groups() -> None:
    assert named([], GRAPH) == GRAPH.keys() - {"old.dvc"}
    assert named(["train"], GRAPH) == {"train@a", "train@b"}
    assert named(["train@a", "download"], GRAPH) == {"train@a", "download"}


def test_what_is_upstream_and_downstream_of_a_stage() -> None:
    assert with_upstream({"compare"}, GRAPH) == {"compare", "train@b", "download"}
    assert with_downstream({"train@b"}, GRAPH) == {"compare", "train@b"}


def test_a_training_is_estimated_by_its_rows_epochs_and_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hidden = {"class": "Dense", "units": 100}
    lay(tmp_path, "short", layers={"hidden": hidden}, epochs=5)
    lay(tmp_path, "long", layers={"hidden": hidden}, epochs=20)
    lay(tmp_path, "wide", graph={"class": "wide_and_deep", "hidden_layers": 50, "units": 100}, epochs=5)
    lay(tmp_path, "deep", layers={"hidden": {**hidden, "repeat": 100}}, epochs=5)
    lay(tmp_path, "folds", cross_validation=5)
    estimates = [estimate(f"train@{name}") for name in ("unknown", "short", "long", "wide", "deep", "folds")]
    assert estimates == sorted(set(estimates))
    assert estimate("compare") == estimate("train@unknown")


def test_a_training_is_estimated_for_each_seed_and_repetition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    layers = {"hidden": {"class": "Dense", "units": 100}}
    lay(tmp_path, "once", layers=layers)
    lay(tmp_path, "seeds", layers=layers, seeds=3)
    lay(tmp_path, "repeated", layers=layers, split="repeated")
    once, seeds, repeated = (estimate(f"train@{name}") - 10 for name in ("once", "seeds", "repeated"))
    assert (seeds, repeated) == pytest.approx((3 * once, 4 * once))


def lay(root: Path, name: str, **recipe: Any) -> None:
    recipe = {"dataset": "images", "split": "all", "seeds": 1, **recipe}
    parts = {"train": [10_000, 60_000]}
    splits = {"all": {"parts": parts}, "repeated": {"parts": parts, "repeats": 4}}
    for path, content in ((f"data/recipes/{name}.json", recipe), ("data/normalized/images/splits.json", splits)):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(json.dumps(content))
