"""Small projects of Git and DVC, of the repository's own stages or of trivial ones, and commands run in them."""

import copy
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.download import DEFAULT_MIRROR

ROOT = Path(__file__).resolve().parents[1]
PYTHON = str(Path(sys.executable).parent)

LINES_OF_DVC = re.compile(r"^Running stage '(.+)':$", re.MULTILINE)


def environment(**variables: str) -> dict[str, str]:
    """Of a command in a project: our modules, our Python, and nothing of a Git hook or of DVC that runs this."""
    not_ours = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "DVC_ROOT", "DVC_STAGE")
    inherited = {key: value for key, value in os.environ.items() if key not in not_ours}
    path = os.pathsep.join([PYTHON, os.environ["PATH"]])
    ours = {"PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
    return inherited | ours | variables


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run to the end; the two outputs are one, in `stdout`."""
    return subprocess.run(command, check=False, timeout=600, **_heard(folder, variables))


def start(folder: Path, *command: str, **variables: str) -> subprocess.Popen[str]:
    """Start in a session of its own, so that a signal to the group reaches all of it and nothing else."""
    return subprocess.Popen(command, start_new_session=True, **_heard(folder, variables))


def _heard(folder: Path, variables: dict[str, str]) -> dict[str, Any]:
    env = environment(**variables)
    return {"cwd": folder, "env": env, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}


def dvc(folder: Path, *arguments: str) -> str:
    """Run `dvc`, which is to succeed; what it said."""
    done = run(folder, "dvc", *arguments)
    assert done.returncode == 0, f"dvc {' '.join(arguments)}: expected status 0, got {done.returncode}:\n{done.stdout}"
    return done.stdout


def is_clean(folder: Path) -> bool:
    return bool(json.loads(dvc(folder, "status", "--json")) == {})


def started(said: str) -> list[str]:
    """The stages whose commands `dvc repro` started."""
    return LINES_OF_DVC.findall(said)


def initialise(folder: Path) -> None:
    """Make Git's and DVC's folders, without touching what DVC keeps for the user."""
    assert run(folder, "git", "init", "-q", "-b", "main").returncode == 0
    for key, value in (("user.name", "A tester"), ("user.email", "tester@example.org")):
        run(folder, "git", "config", key, value)
    dvc(folder, "init", "-q")
    for key, value in (
        ("core.analytics", "false"),
        ("core.check_update", "false"),
        ("core.site_cache_dir", str(folder.parent / "site")),
    ):
        dvc(folder, "config", key, value)


def small_params() -> dict[str, Any]:
    """`params.yaml` cut to two data sets of tables and five variants: three of Keras, for two epochs, and two of
    scikit-learn; with the studies and the published figures of those.
    """
    params: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    names = ("thoracic_bce", "thoracic_logistic", "deep_only", "wide_and_deep", "housing_linear")
    params["variants"] = {name: params["variants"][name] for name in names}
    del params["datasets"]["fashion_mnist"]
    del params["datasets"]["thoracic"]["splits"]["clean"]["repeats"]
    params["epochs"] = 2
    params["jit_compile"] = False  # compiling takes longer than these trainings
    params["published"] = [each for each in params["published"] if each["variant"] in names]
    studies = copy.deepcopy(params["studies"])
    for study in studies.values():
        study["members"] = [
            member
            for member in study["members"]
            if {member["variant"], member.get("baseline", study["baseline"])} <= {*names}
        ]
    params["studies"] = {
        name: study for name, study in studies.items() if study["members"] and study["baseline"] in names
    }
    return params


def small_project(folder: Path) -> None:
    """Lay the repository's own stages, with `small_params`, into the empty folder, which never ran.

    Skips where the raw files of the data sets are neither in the repository nor in the mirror.
    """
    params = small_params()
    mirror = folder.parent / "mirror"
    for name, dataset in params["datasets"].items():
        for file in dataset["files"]:
            sources = [
                ROOT / "data/raw" / name / file["name"],
                Path(os.environ.get("DATA_MIRROR") or ROOT / DEFAULT_MIRROR) / dataset["mirror"] / file["name"],
            ]
            source = next((source for source in sources if source.is_file()), None)
            if source is None:
                pytest.skip(f"no raw files of {name} here")
            (mirror / dataset["mirror"]).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, mirror / dataset["mirror"] / file["name"])
    initialise(folder)
    dvc(folder, "config", "core.autostage", "false")
    for name in ("dvc.yaml", ".gitignore", ".dvcignore"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / "stages", folder / "stages", copy_function=shutil.copy2)  # with its byte code
    (folder / "benchmarks").mkdir()
    for name in ("__init__.py", "report.py", "results.json"):  # of which the page shows what determinism costs
        shutil.copyfile(ROOT / "benchmarks" / name, folder / "benchmarks" / name)
    shutil.copytree(ROOT / "reports" / "repeats", folder / "reports" / "repeats")
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


# A stage writes what it read. The variables, of names of stages, say what else it does.
MAKE = """
import os, signal, sys, time
from pathlib import Path

name, *inputs = sys.argv[1:]
log = Path("log")
log.mkdir(exist_ok=True)

def note(what):
    with (log / "all").open("a") as file:
        file.write(f"{what} {name}\\n")

def wait_for(what):
    deadline = time.monotonic() + 120
    while what not in (log / "all").read_text().splitlines():
        if time.monotonic() > deadline:
            sys.exit(f"{name} waited in vain for {what}")
        time.sleep(0.02)

def names(variable):
    return os.environ.get(variable, "").split()

note("start")
print("at work")
if name in names("MEET"):
    for other in names("MEET"):
        wait_for(f"start {other}")
if name in names("LAST"):
    for other in set(names("MEET")) - {name}:
        wait_for(f"end {other}")
if name in names("FAIL"):
    sys.exit(f"{name}: expected good, got bad")
if name in names("DEAF"):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
if name in names("SLOW"):
    time.sleep(0.5)
if name in names("HANG"):
    (log / f"{name}.pid").write_text(str(os.getpid()))
    time.sleep(1000)
text = "".join(Path(path).read_text() for path in inputs)
Path("data").mkdir(exist_ok=True)
Path(f"data/{name}").write_text(name if name == "configure" else f"{name} {text}")
note("end")
"""
PIPELINE = """
stages:
  first:
    cmd: python make.py first raw
    deps: [raw]
    outs: [data/first]
  configure:
    cmd: python make.py configure params.yaml
    deps: [params.yaml]
    outs: [data/configure]
  train:
    foreach: ${variants}
    do:
      cmd: python make.py ${item} data/first data/configure
      deps: [data/first, data/configure]
      outs:
        - data/${item}
  last:
    cmd: python make.py last data/a data/b
    deps: [data/a, data/b]
    outs: [data/last]
"""


def trivial_project(folder: Path) -> Path:
    """Lay five stages that take no time, unless they are told to, into the empty folder; they never ran."""
    initialise(folder)
    (folder / ".gitignore").write_text("/data/\n/log/\n", encoding="utf-8")
    (folder / "make.py").write_text(MAKE, encoding="utf-8")
    (folder / "params.yaml").write_text("variants: [a, b]\nseed: 0\n", encoding="utf-8")
    (folder / "raw").write_text("raw", encoding="utf-8")
    (folder / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    return folder


def noted(folder: Path) -> list[str]:
    """What the stages of a trivial project did: `start first`, `end first`, …"""
    path = folder / "log" / "all"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def copied(project: Path, folder: Path) -> Path:
    shutil.copytree(project, folder, symlinks=True)
    return folder


def stages_of(lock: Path) -> list[str]:
    """The entries of a dvc.lock, in its order."""
    return list(yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"])


def end_group(process: subprocess.Popen[str], number: int = signal.SIGKILL) -> str:
    """Send the signal to the process and all that it started, and wait for its end; what they had said."""
    os.killpg(process.pid, number)
    return process.communicate(timeout=60)[0]


def wait_until(happened: Any, seconds: float = 120) -> None:
    """Wait for what is to happen; a test fails that waits for what never does."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
