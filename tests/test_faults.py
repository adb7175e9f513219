"""`dvc repro` after a run that was killed, interrupted, or ran out of disk, on the repository's own stages.

The faults are real: signals to real processes, full and read-only file systems, changed files. A run from nothing is
hit in every stage, one after the other, and each time plain `dvc repro` goes on. The default is a reduced count;
`FAULTS=all` injects them all (a quarter of an hour).
"""

import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import psutil
import pytest
import yaml
from projects import (
    copied,
    dvc,
    end_group,
    is_clean,
    run,
    small_project,
    stages_of,
    start,
    started,
    wait_until,
)

pytestmark = [pytest.mark.slow, pytest.mark.posix]

ALL = os.environ.get("FAULTS") == "all"
NOT_RUN_CACHED = {"download@housing", "download@thoracic"}
"""Stages whose outputs persist: DVC runs them again without dvc.lock, in a second."""


class Finished(NamedTuple):
    """A project that ran from nothing to its end, without a fault."""

    new: Path
    """As it was before."""
    folder: Path
    lock: bytes
    stages: list[str]
    seconds: dict[str, float]
    """Of each stage, DVC's own share included."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    base = tmp_path_factory.mktemp("faults")
    new, folder = base / "new", base / "finished"
    new.mkdir()
    small_project(new)
    os.environ["DATA_MIRROR"] = str(base / "mirror")
    copied(new, folder)
    begun: dict[str, float] = {}
    process = start(folder, "dvc", "repro")
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        begun |= dict.fromkeys(started(line), time.monotonic())
    assert process.wait() == 0, "".join(said)
    ends = [*begun.values(), time.monotonic()][1:]
    seconds = {stage: end - first for (stage, first), end in zip(begun.items(), ends, strict=True)}
    lock = folder / "dvc.lock"
    assert stages_of(lock) == list(begun)
    return Finished(new, folder, lock.read_bytes(), list(begun), seconds)


class Attempt:
    """A `dvc repro` whose output is read as it comes."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.process = start(folder, *(command or ("dvc", "repro")))
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def reach(self, stage: str) -> bool:
        """Wait until the stage runs; False if the run ended before."""
        wait_until(lambda: stage in started(self.said) or self.process.poll() is not None)
        return stage in started(self.said)

    def wait(self) -> int:
        status = self.process.wait(timeout=300)
        self._reader.join(timeout=60)
        return status

    def kill(self, victim: str, number: int) -> None:
        """Send the signal to all processes, to DVC alone, or to the stage's alone (to all, between two stages)."""
        try:
            of_stage = psutil.Process(self.process.pid).children(recursive=True)
            if victim == "DVC":
                os.kill(self.process.pid, number)
            elif victim == "stage" and of_stage:
                for child in of_stage:
                    child.send_signal(number)
            else:
                os.killpg(self.process.pid, number)
        except (ProcessLookupError, psutil.NoSuchProcess):
            pass  # it was at its end


REMEDIES = {
    "Unable to read RWLock-file '.dvc/tmp/rwlock'": ".dvc/tmp/rwlock",
    "/dvc.lock' validation failed": "dvc.lock",
    "/dvc.lock' is invalid": "dvc.lock",
}
"""What DVC says where it was killed while it wrote a file in place, and the file that docs/recovery.md removes."""


def begin(project: Path, remedies: list[str]) -> Attempt:
    """Start `dvc repro`, after the one command that its message asks for; what that removed is added."""
    for _ in range(3):
        attempt = Attempt(project)
        wait_until(lambda: started(attempt.said) or attempt.process.poll() is not None)  # noqa: B023
        if started(attempt.said) or attempt.wait() == 0:
            break
        (damaged,) = {file for message, file in REMEDIES.items() if message in attempt.said}
        (project / damaged).unlink()
        remedies.append(damaged)
    return attempt


def hit(project: Path, finished: Finished, stages: list[str], seed: int, number: int, victims: list[str]) -> int:
    """Run from nothing, and send the signal once in each of the stages, at a random moment; how many were sent.

    Every run goes on from the one before: what that had finished does not run again.
    """
    generator = random.Random(seed)  # noqa: S311
    lock = project / "dvc.lock"
    whole = yaml.safe_load(finished.lock)["stages"]
    done: set[str] = set()
    remedies: list[str] = []
    sent = 0
    for stage in [*stages, ""]:
        if stage in done:
            continue
        attempt = begin(project, remedies)
        if "dvc.lock" in remedies:
            done -= NOT_RUN_CACHED
            remedies.remove("dvc.lock")
        if stage and attempt.reach(stage):
            until = time.monotonic() + generator.uniform(0, 1) * finished.seconds[stage]
            while time.monotonic() < until and started(attempt.said)[-1] == stage:
                time.sleep(0.01)
            victim = generator.choice(victims)
            while attempt.process.poll() is None:
                sent += 1
                struck = started(attempt.said)[-1]
                attempt.kill(victim, number)
                # A command that was at its end was not hit any more: where the run goes on, the next one is.
                wait_until(lambda: attempt.process.poll() is not None or started(attempt.said)[-1] != struck)  # noqa: B023
        status = attempt.wait()
        assert not done & {*started(attempt.said)}, f"{stage} was hit, and finished stages ran again"
        with suppress(FileNotFoundError, yaml.YAMLError, TypeError, KeyError):  # cut off
            entries = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
            done = {name for name, entry in entries.items() if entry == whole[name]}  # the last may be cut off, too
    assert status == 0, attempt.said
    assert lock.read_bytes() == finished.lock
    assert is_clean(project)
    return sent


@pytest.mark.fault("every stage", "killed at a random moment (SIGKILL): all of it, DVC alone, the command alone")
@pytest.mark.parametrize("seed", range(3 if ALL else 1))
def test_killed_in_every_stage_dvc_repro_goes_on_to_the_same_lock(
    seed: int, finished: Finished, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    project = copied(finished.new, tmp_path / "project")
    sent = hit(project, finished, finished.stages, seed, signal.SIGKILL, ["all", "all", "DVC", "stage"])
    record_property("times", sent)
    assert sent > len(finished.stages) / 2


@pytest.mark.fault("every stage", "Ctrl-C at a random moment")
@pytest.mark.parametrize("seed", range(2 if ALL else 1))
def test_interrupted_by_ctrl_c_dvc_repro_goes_on_to_the_same_lock(
    seed: int, finished: Finished, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    project = copied(finished.new, tmp_path / "project")
    stages = finished.stages if ALL else finished.stages[::4]
    sent = hit(project, finished, stages, seed, signal.SIGINT, ["all"])
    record_property("times", sent)
    assert sent > len(stages) / 2


def finishes(project: Path, finished: Finished, again: set[str]) -> None:
    """Plain `dvc repro` runs these stages again and no other, and ends with the same dvc.lock."""
    assert {*started(dvc(project, "repro"))} == again
    assert (project / "dvc.lock").read_bytes() == finished.lock
    assert is_clean(project)


@pytest.mark.fault("dvc.lock", "cut off")
@pytest.mark.parametrize(("cut", "told"), [("nothing left", True), ("in an entry", True), ("between entries", False)])
def test_a_dvc_lock_that_was_cut_off_comes_back_from_git_or_from_the_cache(
    cut: str, told: bool, finished: Finished, tmp_path: Path
) -> None:
    project = copied(finished.folder, tmp_path / "project")
    lock = project / "dvc.lock"
    run(project, "git", "add", "--all")
    run(project, "git", "commit", "-qm", "finished")
    entry = finished.lock.index(b"  train@deep_only:")
    in_entry = finished.lock.index(b"hash: md5", entry) + len(b"hash")
    length = {"nothing left": 0, "in an entry": in_entry, "between entries": entry}[cut]
    lock.write_bytes(finished.lock[:length])
    if told:
        failed = run(project, "dvc", "repro")
        assert "dvc.lock" in failed.stdout
        assert failed.returncode != 0
        parallel = run(project, sys.executable, "-m", "stages.parallel")
        assert "dvc.lock" in parallel.stdout
        assert "`git checkout dvc.lock`" in parallel.stdout
        assert parallel.returncode == 1
        assert run(project, "git", "checkout", "-q", "dvc.lock").returncode == 0
    finishes(project, finished, set())  # the downloads stand before the cut


@pytest.mark.fault("dvc.lock", "deleted")
def test_without_a_dvc_lock_all_that_the_cache_holds_comes_from_there(finished: Finished, tmp_path: Path) -> None:
    project = copied(finished.folder, tmp_path / "project")
    (project / "dvc.lock").unlink()
    finishes(project, finished, NOT_RUN_CACHED)


@pytest.mark.fault("outputs", "deleted")
def test_deleted_outputs_come_from_the_cache(
    finished: Finished, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    project = copied(finished.folder, tmp_path / "project")
    for output in ("data/normalized/housing", "data/normalized/thoracic", "data/models/deep_only"):
        shutil.rmtree(project / output)
    shutil.rmtree(project / "reports/tables")
    (project / "reports/summary.json").unlink()  # in Git; the run cache has it, too
    record_property("times", 9)
    finishes(project, finished, set())
    assert (project / "reports/summary.json").is_file()
    shutil.rmtree(project / "data/raw/housing")
    finishes(project, finished, {"download@housing"})  # it persists, so that DVC does not look into its cache


@pytest.mark.fault("cache", "a file corrupted")
@pytest.mark.parametrize("noticed", [True, False])
def test_a_corrupted_cache_file_is_found_once_the_cache_is_writable(
    noticed: bool, finished: Finished, tmp_path: Path
) -> None:
    # DVC believes what is read-only in its cache: `chmod` is the command that makes it look.
    project = copied(finished.folder, tmp_path / "project")
    model = project / "data/models/deep_only/model.keras"
    right = model.read_bytes()
    cached = cached_file(project, "train@deep_only", "model.keras")
    cached.chmod(0o644)
    cached.write_bytes(right[:100] + b"XX" + right[102:])
    cached.chmod(0o444)
    shutil.rmtree(model.parent)
    if not noticed:
        dvc(project, "repro")
        assert model.read_bytes() != right  # this is what it would be good not to see
    assert run(project, "chmod", "-R", "u+w", ".dvc/cache/files").returncode == 0
    finishes(project, finished, {"train@deep_only"})
    assert model.read_bytes() == cached.read_bytes() == right


def cached_file(project: Path, stage: str, name: str) -> Path:
    """A file of the stage's first output, a folder, in the cache."""
    entry = yaml.safe_load((project / "dvc.lock").read_text(encoding="utf-8"))["stages"][stage]
    cache = project / ".dvc/cache/files/md5"
    folder = entry["outs"][0]["md5"]
    (md5,) = [
        file["md5"]
        for file in json.loads((cache / folder[:2] / folder[2:]).read_text(encoding="utf-8"))
        if file["relpath"] == name
    ]
    return cache / md5[:2] / md5[2:]


@pytest.mark.fault("DVC's locks", "cut off")
def test_a_lock_that_was_cut_off_is_told_and_may_be_removed(finished: Finished, tmp_path: Path) -> None:
    project = copied(finished.folder, tmp_path / "project")
    shutil.rmtree(project / "data/normalized/thoracic")
    lock = project / ".dvc/tmp/rwlock"
    lock.write_bytes(b"")
    failed = run(project, "dvc", "repro")
    assert failed.returncode != 0
    assert "Unable to read RWLock-file '.dvc/tmp/rwlock'" in failed.stdout
    lock.unlink()
    finishes(project, finished, set())


@pytest.mark.fault("DVC's locks", "left by a killed run")
@pytest.mark.parametrize("living", [False, True])
def test_a_lock_of_a_killed_run_is_let_go_or_named(living: bool, finished: Finished, tmp_path: Path) -> None:
    project = copied(finished.folder, tmp_path / "project")
    shutil.rmtree(project / "data/normalized/thoracic")
    killed = start(project, sys.executable, "-c", "import time; time.sleep(1000)")
    if not living:
        end_group(killed)
    holder = {"pid": killed.pid, "cmd": "dvc repro"}
    lock = project / ".dvc/tmp/rwlock"
    lock.write_text(json.dumps({"write": {str(project / "data/normalized/thoracic"): holder}}), encoding="utf-8")
    (project / ".dvc/tmp/lock").write_text(f"{killed.pid}\n", encoding="utf-8")
    if living:  # another process has its number by now
        blocked = run(project, "dvc", "repro")
        assert blocked.returncode != 0
        assert f"you can manually remove '{lock}'" in blocked.stdout
        lock.unlink()
        end_group(killed)
    finishes(project, finished, set())


MAY_MOUNT = sys.platform == "linux"
AS_ROOT = [] if os.access("/root", os.W_OK) else ["sudo", "-n"]


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[None]:
    """Mount something on the folder for a while; skips where that is not allowed."""
    if not MAY_MOUNT or (AS_ROOT and not shutil.which("sudo")):
        pytest.skip("mounting needs Linux, and root or sudo")
    done = run(folder, *AS_ROOT, "mount", *arguments, str(folder))
    if done.returncode:
        pytest.skip(f"not allowed to mount: {done.stdout.strip()}")
    try:
        yield
    finally:
        unmounted = run(folder.parent, *AS_ROOT, "umount", "--lazy", str(folder))
        assert unmounted.returncode == 0, unmounted.stdout


FULL = {"download@housing": 200, "normalize@housing": 400, "train@thoracic_bce": 24, "plot": 64}
"""Stages that run out of disk, and the kB that are free when they start."""


@contextmanager
def on_a_small_disk(finished: Finished, project: Path) -> Iterator[Path]:
    """The project that never ran on a file system of 64 MB; the path of a file that may fill it."""
    project.mkdir()
    with mounted(project, "-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs"):
        shutil.copytree(finished.new, project, symlinks=True, dirs_exist_ok=True)
        (project / ".git/info/exclude").write_text("/ballast\n", encoding="utf-8")
        yield project / "ballast"


def fill(ballast: Path, free: int) -> None:
    """Leave so many kB."""
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(ballast.parent).free - free * 1024)


@pytest.mark.fault("download, normalize, train, plot", "disk full")
def test_on_a_full_disk_a_stage_says_so_and_with_room_dvc_repro_goes_on(
    finished: Finished, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("times", len(FULL))
    project = tmp_path / "project"
    done: set[str] = set()
    with on_a_small_disk(finished, project) as ballast:
        lock = project / "dvc.lock"
        for stage, free in FULL.items():
            before = finished.stages[: finished.stages.index(stage)]
            if before:
                assert not done & {*started(dvc(project, "repro", *before))}
            fill(ballast, free)
            failed = run(project, "dvc", "repro")
            assert failed.returncode != 0
            assert started(failed.stdout) == [stage]
            assert "No space left on device" in failed.stdout
            ballast.unlink()
            done = {*stages_of(lock)} if lock.exists() else set()
            assert stage not in done
        assert not done & {*started(dvc(project, "repro"))}
        # Not byte for byte: `dvc repro <targets>` has an order of its own.
        assert yaml.safe_load(lock.read_bytes()) == yaml.safe_load(finished.lock)
        assert is_clean(project)


@pytest.mark.fault("cache", "disk full")
def test_what_dvc_could_not_copy_into_its_cache_on_a_full_disk_is_made_again(
    finished: Finished, tmp_path: Path
) -> None:
    # DVC prints errors, and ends with status 0 all the same; the lock has the entry, the cache not its files.
    project = copied(finished.new, tmp_path / "project")
    dvc(project, "repro", "download@housing")
    cache = project / ".dvc/cache"
    kept = cache.rename(tmp_path / "cache")
    cache.mkdir()
    with mounted(cache, "-t", "tmpfs", "-o", "size=64m,mode=1777", "tmpfs"):
        shutil.copytree(kept, cache, symlinks=True, dirs_exist_ok=True)
        fill(cache / "ballast", 400)  # kB: less than one of the arrays takes
        assert "No space left on device" in dvc(project, "repro", "normalize@housing")
        (cache / "ballast").unlink()
        assert "not in cache" in run(project, "dvc", "status", "normalize@housing").stdout
        assert started(dvc(project, "repro", "normalize@housing")) == ["normalize@housing"]
        made, right = (yaml.safe_load(lock) for lock in ((project / "dvc.lock").read_bytes(), finished.lock))
        assert all(right["stages"][stage] == entry for stage, entry in made["stages"].items())


@pytest.mark.fault("cache", "read-only")
def test_with_a_read_only_cache_dvc_restores_and_runs_what_is_new_when_it_is_writable(
    finished: Finished, tmp_path: Path
) -> None:
    project = copied(finished.folder, tmp_path / "project")
    code = project / "stages/plot.py"
    code.write_text(code.read_text(encoding="utf-8") + "# as it was\n", encoding="utf-8")
    serial = copied(project, tmp_path / "serial")
    dvc(serial, "repro")
    cache = project / ".dvc/cache"
    with mounted(cache, "--bind", str(cache)):
        assert run(project, *AS_ROOT, "mount", "-o", "remount,ro,bind", str(cache)).returncode == 0
        shutil.rmtree(project / "data/models/deep_only")
        dvc(project, "checkout", "train@deep_only")
        failed = run(project, "dvc", "repro")
        assert failed.returncode != 0
        assert started(failed.stdout) == ["plot"]
        assert "Read-only file system" in failed.stdout
    assert started(dvc(project, "repro")) == ["plot"]
    assert (project / "dvc.lock").read_bytes() == (serial / "dvc.lock").read_bytes()
    assert is_clean(project)


@pytest.mark.fault("train", "a loss that is not finite, beside others")
def test_a_variant_whose_loss_is_not_finite_is_an_outcome_beside_others(finished: Finished, tmp_path: Path) -> None:
    project = copied(finished.folder, tmp_path / "project")
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["variants"]["wide_and_deep"]["optimizer"] = {"class": "SGD", "learning_rate": 1000.0}
    params["variants"]["thoracic_mse"]["batch_size"] = 64
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    done = run(project, sys.executable, "-m", "stages.parallel", "-j", "2")
    assert done.returncode == 0, done.stdout
    assert is_clean(project)
    summary = json.loads((project / "data/models/wide_and_deep/summary.json").read_text(encoding="utf-8"))
    (diverged,) = summary["diverged"]
    assert diverged["epoch"] in (1, 2)
    table = pd.read_csv(project / "reports/tables/comparison/comparisons.csv")
    rows = table[(table["variant"] == "wide_and_deep") | (table["baseline"] == "wide_and_deep")]
    assert (rows["diverged"] + rows["baseline_diverged"]).tolist() == [1] * len(rows)
    assert set(rows["verdict"]) == {"open"}
    assert table.loc[table["variant"] == "thoracic_mse", "verdict"].notna().all()
    assert (project / "reports/index.html").exists()
