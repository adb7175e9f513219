"""Two commands at once in one workspace: both finish, or one says what it waits for; nothing is lost.

`FAULTS=all` runs 20 pairs, the default one of each kind.
"""

import os
import random
import re
import sys
import time
from pathlib import Path

import pytest
from projects import copied, dvc, is_clean, run, start, trivial_project, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.posix]

ALL = os.environ.get("FAULTS") == "all"
REPRO = ["dvc", "repro"]
PARALLEL = [sys.executable, "-m", "stages.parallel", "-j", "2"]
EXPERIMENT = ["dvc", "exp", "run", "-S", "seed=1", "--name", "mine"]
SAYS_WHY = re.compile("Unable to acquire lock|is busy, it is being blocked by")
STAGES = ("first", "configure", "a", "b", "last")


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran, is committed, and whose first input has changed since."""
    folder = tmp_path_factory.mktemp("two") / "changed"
    folder.mkdir()
    trivial_project(folder)
    dvc(folder, "repro", "-q")
    (folder / "log" / "all").unlink()
    run(folder, "git", "add", "--all")
    assert run(folder, "git", "commit", "-qm", "finished").returncode == 0
    (folder / "raw").write_text("other", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def serial(changed: Path) -> bytes:
    """The dvc.lock of one command alone."""
    folder = copied(changed, changed.with_name("serial"))
    dvc(folder, "repro", "-q")
    return (folder / "dvc.lock").read_bytes()


@pytest.fixture(scope="module")
def serial_experiment(changed: Path) -> str:
    """The dvc.lock of an experiment alone."""
    folder = copied(changed, changed.with_name("serial_experiment"))
    assert run(folder, *EXPERIMENT).returncode == 0
    return (folder / "dvc.lock").read_text(encoding="utf-8")


def both(folder: Path, one: list[str], other: list[str], seed: int) -> list[int]:
    """Run both, the second at a random moment of the first; their statuses. One that fails says why."""
    slow = " ".join(STAGES)
    first = start(folder, *one, SLOW=slow)
    time.sleep(random.Random(seed).uniform(0, 5))  # noqa: S311
    second = start(folder, *other, SLOW=slow)
    statuses = []
    for process in (first, second):
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0 or SAYS_WHY.search(said), said
        statuses.append(process.returncode)
    return statuses


def finishes(folder: Path, serial: bytes) -> None:
    """Plain `dvc repro` ends as one command alone does, and each stage's result is there."""
    dvc(folder, "repro", "-q")
    assert (folder / "dvc.lock").read_bytes() == serial
    assert is_clean(folder)
    assert (folder / "data/last").read_text(encoding="utf-8").count("other") == 2


@pytest.mark.fault("two commands at once", "`dvc repro` beside `dvc repro`")
@pytest.mark.parametrize("seed", range(8 if ALL else 1))
def test_repro_beside_repro(seed: int, changed: Path, serial: bytes, tmp_path: Path) -> None:
    folder = copied(changed, tmp_path / "project")
    assert 0 in both(folder, REPRO, REPRO, seed)
    finishes(folder, serial)


@pytest.mark.fault("two commands at once", "`dvc repro` beside `python -m stages.parallel`")
@pytest.mark.parametrize("seed", range(6 if ALL else 1))
def test_parallel_beside_repro(seed: int, changed: Path, serial: bytes, tmp_path: Path) -> None:
    folder = copied(changed, tmp_path / "project")
    one, other = (PARALLEL, REPRO) if seed % 2 == 0 else (REPRO, PARALLEL)
    both(folder, one, other, seed)
    finishes(folder, serial)


def lock_of_experiment(folder: Path) -> str:
    """The dvc.lock of the experiment, from Git."""
    refs = run(folder, "git", "for-each-ref", "--format=%(refname)", "refs/exps").stdout.split()
    (ref,) = [ref for ref in refs if ref.endswith("/mine")]
    return run(folder, "git", "show", f"{ref}:dvc.lock").stdout


@pytest.mark.fault("two commands at once", "`dvc repro` beside `dvc exp run --temp`")
@pytest.mark.parametrize("seed", range(4 if ALL else 1))
def test_repro_beside_an_experiment(
    seed: int, changed: Path, serial: bytes, serial_experiment: str, tmp_path: Path
) -> None:
    folder = copied(changed, tmp_path / "project")
    _, experiment = both(folder, REPRO, [*EXPERIMENT, "--temp"], seed)
    if experiment:
        dvc(folder, *EXPERIMENT[1:], "--temp")
    assert lock_of_experiment(folder) == serial_experiment
    finishes(folder, serial)


@pytest.mark.fault("two commands at once", "`dvc repro` beside `dvc queue start`")
@pytest.mark.parametrize("seed", range(2 if ALL else 1))
def test_repro_beside_the_queue(
    seed: int, changed: Path, serial: bytes, serial_experiment: str, tmp_path: Path
) -> None:
    folder = copied(changed, tmp_path / "project")
    dvc(folder, *EXPERIMENT[1:], "--queue")
    both(folder, ["dvc", "queue", "start"], REPRO, seed)
    try:
        wait_until(lambda: re.search("mine.*(Success|Failed)", run(folder, "dvc", "queue", "status").stdout))
        assert lock_of_experiment(folder) == serial_experiment
    finally:
        run(folder, "dvc", "queue", "stop", "--kill")
    finishes(folder, serial)
