"""`python -m stages.parallel --cluster` on real schedulers and workers, which are killed, stopped and cut off."""

import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from clusters import (
    Project,
    certificates,
    clusters_of_files,
    ended,
    link,
    network,
    parallel,
    project,
    scheduler,
    seconds_until,
    start_parallel,
    worker,
)
from projects import copied, dvc, end_group, is_clean, run, small_project, wait_until
from test_sharing import SSHD, ssh_server

from stages.params.sweeps import SWEEPS
from stages.scheduling.task import hash_path

pytestmark = [pytest.mark.slow, pytest.mark.posix]

ALL = [f"{what} {stage}" for what in ("start", "end") for stage in ("first", "a", "b", "last")]
SWEEP = {
    "dataset": "thoracic",
    "variant": "thoracic_bce",
    "grid": {"optimizer": {"sgd": "SGD", "adam": "Adam"}},
}
TO_END = 10
"""Seconds after which nothing runs any more that nobody waits for."""


@pytest.fixture
def ours(tmp_path: Path) -> Project:
    return project(tmp_path)


def wait_for(ours: Project, stage: str) -> None:
    wait_until(lambda: ours.runs(stage))


def test_two_workers_without_a_clone_leave_the_lock_of_a_serial_run(tmp_path: Path) -> None:
    if SSHD is None:
        pytest.skip("no OpenSSH server: apt-get install openssh-server")
    (tmp_path / "served").mkdir()
    with ssh_server(tmp_path / "served") as port:
        url = f"ssh://127.0.0.1:{port}{tmp_path}/served/storage"
        ours = project(tmp_path, url, keyfile=str(tmp_path / "served/key"))
        serial = copied(ours.folder, tmp_path / "serial")
        dvc(serial, "repro", "-q")
        (ours.notes / "log").unlink()
        with scheduler(tmp_path) as address, worker(tmp_path, address), worker(tmp_path, address, name="two"):
            done = parallel(ours, address)
            assert done.returncode == 0, done.stdout
            assert (ours.folder / "dvc.lock").read_bytes() == (serial / "dvc.lock").read_bytes()
            assert is_clean(ours.folder)
            assert sorted(ours.noted()) == sorted(ALL)
            assert "at work" in (ours.folder / ".dvc/tmp/parallel/first.log").read_text()

            # A colleague who has neither data nor cache finds all of it by its key.
            theirs = copied(ours.folder, tmp_path / "theirs")
            for path in ("data", ".dvc/cache", ".dvc/tmp"):
                shutil.rmtree(theirs / path)
            (theirs / "dvc.lock").unlink()
            assert parallel(Project(theirs, ours.notes), address).returncode == 0
            assert sorted(ours.noted()) == sorted(ALL)
            assert (theirs / "data/last").read_bytes() == (serial / "data/last").read_bytes()


@pytest.mark.fault("a cluster", "a worker is killed while a stage runs")
def test_the_stage_of_a_killed_worker_runs_again_on_another(ours: Project, tmp_path: Path) -> None:
    hang = ours.tell("hang-first")
    with scheduler(tmp_path) as address, worker(tmp_path, address) as one:
        driver = start_parallel(ours, address)
        wait_for(ours, "first")
        one.kill()
        assert seconds_until(lambda: not ours.runs("first")) < TO_END  # no orphan
        hang.unlink()
        with worker(tmp_path, address, name="two"):
            assert "done: 4 stages" in driver.communicate(timeout=60)[0]
    assert sorted(ours.noted()) == sorted([*ALL, "start first"])


@pytest.mark.fault("a cluster", "a worker stops answering")
def test_the_stage_of_a_stopped_worker_runs_again_on_another(ours: Project, tmp_path: Path) -> None:
    hang = ours.tell("hang-first")
    variables = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "5s"}
    with scheduler(tmp_path, **variables) as address, worker(tmp_path, address) as one:
        driver = start_parallel(ours, address)
        wait_for(ours, "first")
        one.send_signal(signal.SIGSTOP)
        hang.unlink()
        with worker(tmp_path, address, name="two"):
            assert "done: 4 stages" in driver.communicate(timeout=60)[0]
        one.send_signal(signal.SIGCONT)
        wait_until(lambda: ours.noted().count("end first") >= 1)


@pytest.mark.fault("a cluster", "a worker is cut off from the network")
def test_a_worker_that_is_cut_off_ends_its_stage_and_connects_anew(ours: Project, tmp_path: Path) -> None:
    hang = ours.tell("hang-first")
    short = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s", "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}
    with ExitStack() as stack:
        host, within = stack.enter_context(network())
        address = stack.enter_context(scheduler(tmp_path, host=host, **short))
        with worker(tmp_path, address, "--insecure", within=within, **short) as one:
            driver = stack.enter_context(ended(start_parallel(ours, address, "--insecure")))
            wait_for(ours, "first")
            link(within, "down")
            assert seconds_until(lambda: not ours.runs("first")) < 40
            hang.unlink()
            with worker(tmp_path, address, "--insecure", name="two"):
                assert "done: 4 stages" in driver.communicate(timeout=60)[0]
            link(within, "up")
            (ours.folder / "raw").write_text("anew", encoding="utf-8")
            assert parallel(ours, address, "--insecure").returncode == 0  # on the worker that was cut off
            one.terminate()
            said = one.communicate(timeout=30)[0]
    assert f"{address}: cut off, connecting anew" in said
    assert said.count(f"worker one at tcp://{host[:-1]}2:") == 2


@pytest.mark.fault("a cluster", "a stage kills each worker that runs it")
def test_a_stage_is_tried_three_times_more_when_its_worker_is_lost(ours: Project, tmp_path: Path) -> None:
    ours.tell("kill-first")
    with scheduler(tmp_path) as address, ended(start_parallel(ours, address)) as driver:
        for name in ("one", "two", "three", "four"):
            with worker(tmp_path, address, name=name) as killed:
                assert killed.wait(timeout=60) == -signal.SIGKILL
        said = driver.communicate(timeout=60)[0]
    assert driver.returncode == 1
    assert "first failed: lost 4 workers that ran it" in said
    assert ours.noted() == ["start first"] * 4


@pytest.mark.fault("a cluster", "a stage fails")
def test_a_stage_that_fails_is_not_tried_again(ours: Project, tmp_path: Path) -> None:
    ours.tell("fail-first")
    with scheduler(tmp_path) as address, worker(tmp_path, address):
        done = parallel(ours, address)
    assert done.returncode == 1
    assert "first failed: first: expected good, got bad (exited with 1)" in done.stdout
    assert ours.noted() == ["start first"]


@pytest.mark.fault("a cluster", "the driver is killed, or ended by Ctrl-C")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_a_driver_that_ends_ends_what_runs_and_another_goes_on(ours: Project, tmp_path: Path, name: str) -> None:
    number = getattr(signal, name)
    hang = ours.tell("hang-a")
    with scheduler(tmp_path) as address, worker(tmp_path, address), worker(tmp_path, address, name="two"):
        driver = start_parallel(ours, address)
        wait_for(ours, "a")
        wait_until(lambda: "end b" in ours.noted())
        driver.send_signal(number)
        assert seconds_until(lambda: not ours.runs("a")) < TO_END
        said = driver.communicate(timeout=30)[0]
        assert driver.returncode == (-number if number == signal.SIGKILL else 128 + number), said
        hang.unlink()
        done = parallel(ours, address)
        assert done.returncode == 0, done.stdout
    assert sorted(ours.noted()) == sorted([*ALL, "start a"])  # nothing that had ended ran twice


def test_two_drivers_share_the_stages_of_the_same_keys(ours: Project, tmp_path: Path) -> None:
    theirs = Project(copied(ours.folder, tmp_path / "theirs"), ours.notes)
    hang = ours.tell("hang-first")
    with scheduler(tmp_path) as address, worker(tmp_path, address), worker(tmp_path, address, name="two"):
        drivers = [start_parallel(each, address) for each in (ours, theirs)]
        wait_for(ours, "first")
        drivers[0].send_signal(signal.SIGINT)
        assert "ended by SIGINT" in drivers[0].communicate(timeout=30)[0]
        assert ours.runs("first")  # the other one waits for it
        again = start_parallel(ours, address)
        hang.unlink()
        for driver in (drivers[1], again):
            assert "done: 4 stages" in driver.communicate(timeout=60)[0]
    assert sorted(ours.noted()) == sorted(ALL)


@pytest.mark.fault("a cluster", "a worker is ended by SIGTERM or Ctrl-C")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_ended_ends_what_it_runs(ours: Project, tmp_path: Path, number: int) -> None:
    ours.tell("hang-first")
    with scheduler(tmp_path) as address, worker(tmp_path, address) as one:
        driver = start_parallel(ours, address)
        wait_for(ours, "first")
        one.send_signal(number)
        assert one.wait(timeout=TO_END) == 0
        assert not ours.runs("first")
        end_group(driver)


@pytest.mark.fault("a cluster", "the scheduler is killed")
def test_the_driver_says_that_the_scheduler_is_lost(ours: Project, tmp_path: Path) -> None:
    ours.tell("hang-first")
    with ExitStack() as stack:
        with scheduler(tmp_path) as address:
            stack.enter_context(worker(tmp_path, address))
            driver = stack.enter_context(ended(start_parallel(ours, address)))
            wait_for(ours, "first")
        said = driver.communicate(timeout=60)[0]
        assert driver.returncode == 1
        assert f"first failed: lost the scheduler {address}; when it runs again, the same command goes on" in said
        assert "Traceback" not in said
        assert seconds_until(lambda: not ours.runs("first")) < TO_END


@pytest.mark.fault("a cluster", "an object of the remote has other bytes")
def test_an_input_with_other_bytes_is_refused(ours: Project, tmp_path: Path) -> None:
    with scheduler(tmp_path) as address, worker(tmp_path, address):
        assert parallel(ours, address, "first").returncode == 0
        made = hash_path(ours.folder / "data/first").md5
        stored = tmp_path / "storage/files/md5" / made[:2] / made[2:]
        stored.chmod(0o644)
        stored.write_text("others")
        done = parallel(ours, address)
    assert done.returncode == 1
    assert f"{stored}: expected bytes with the MD5 {made}, got " in done.stdout


@pytest.mark.fault("a cluster", "a stage gives different bytes for the same inputs")
def test_different_bytes_of_one_key_are_an_error_that_shows_both(ours: Project, tmp_path: Path) -> None:
    with scheduler(tmp_path) as address, worker(tmp_path, address):
        assert parallel(ours, address, "first").returncode == 0
        (record,) = (tmp_path / "storage/runs").glob("*/*/*")
        kept = record.read_bytes()
        record.unlink()
        for path in ("data", ".dvc/cache", "dvc.lock"):
            path_ = ours.folder / path
            shutil.rmtree(path_) if path_.is_dir() else path_.unlink()
        ours.tell("extra-first", "else")
        hang = ours.tell("hang-first")
        driver = start_parallel(ours, address, "first")
        wait_for(ours, "first")
        record.write_bytes(kept)  # somebody else was faster
        hang.unlink()
        said = driver.communicate(timeout=60)[0]
    assert driver.returncode == 1
    assert "expected the same bytes whenever it runs, got data/first with the MD5 " in said
    assert " and data/first with the MD5 " in said


def test_a_worker_of_another_class_is_refused_by_name(ours: Project, tmp_path: Path) -> None:
    with scheduler(tmp_path) as address, worker(tmp_path, address, machine_class="other"):
        driver = start_parallel(ours, address)
        assert driver.stdout
        lines, started = [""], time.monotonic()
        while "tasks wait" not in lines[-1]:
            lines.append(driver.stdout.readline())
        assert time.monotonic() - started < 35
        assert any("worker one (tcp://" in line and "told: expected alike, got other" in line for line in lines)
        assert "expected a worker of class " in lines[-1]
        with worker(tmp_path, address, name="two"):  # of the class: it takes them
            assert "done: 4 stages" in driver.communicate(timeout=60)[0]


@pytest.mark.fault("a cluster", "a certificate of somebody else")
def test_only_who_has_a_certificate_takes_part(ours: Project, tmp_path: Path) -> None:
    good, wrong = certificates(tmp_path), certificates(tmp_path, "wrong")
    with scheduler(tmp_path, "--protocol", "tls", *good) as address, worker(tmp_path, address, *good):
        assert address.startswith("tls://")
        refused = parallel(ours, address, *wrong)
        assert refused.returncode == 1
        assert f"{address}: expected a Dask scheduler that answers, got: " in refused.stdout.splitlines()[-1]
        with worker(tmp_path, address, *wrong, "--death-timeout", "1", name="wrong") as other:
            said = other.communicate(timeout=60)[0]
            assert other.returncode == 1
            assert f"{address}: expected a Dask scheduler that answers, got: " in said.splitlines()[-1]
        done = parallel(ours, address, *good)
        assert done.returncode == 0, done.stdout


def test_trainings_on_a_cluster_leave_the_lock_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    here = small_project(tmp_path / "here")
    (here / SWEEPS).write_text(yaml.safe_dump({"sweeps": {"it": SWEEP}}), encoding="utf-8")
    there = copied(here, tmp_path / "there")
    dvc(there, "remote", "add", "-q", "--default", "storage", str(tmp_path / "storage"))
    text = "{class: LocalCluster, arguments: {n_workers: 1, threads_per_worker: 2}}"
    (tmp_path / "cluster.yaml").write_text(text, encoding="utf-8")
    command = (sys.executable, "-m", "stages.parallel", "environment", "sweep@it")  # all trainings
    mirror = {"DATA_MIRROR": str(tmp_path / "mirror")}
    done = run(there, *command, "--cluster", str(tmp_path / "cluster.yaml"), **mirror)
    assert done.returncode == 0, done.stdout
    assert run(here, *command, **mirror).returncode == 0
    assert (there / "dvc.lock").read_bytes() == (here / "dvc.lock").read_bytes()


@pytest.mark.parametrize("kind", ["SSHCluster", "SLURMCluster"])
def test_the_cluster_of_a_file_starts_runs_and_ends(ours: Project, tmp_path: Path, kind: str) -> None:
    with clusters_of_files(kind, tmp_path) as (content, variables):
        (tmp_path / "cluster.yaml").write_text(yaml.safe_dump({"class": kind, **content}), encoding="utf-8")
        command = (sys.executable, "-m", "stages.parallel", "--cluster", str(tmp_path / "cluster.yaml"))
        done = run(ours.folder, *command, **variables)
        assert done.returncode == 0, done.stdout
        assert "done: 4 stages" in done.stdout
    assert is_clean(ours.folder)
    assert sorted(ours.noted()) == sorted(ALL)
