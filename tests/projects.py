"""Small projects of Git and DVC, of the repository's own stages or of trivial ones, and commands run in them."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import chdir, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from dvc.repo import Repo

from stages import download
from stages.datasets.spec import RAW, spec_of
from stages.parallel import main

ROOT = Path(__file__).resolve().parents[1]
PYTHON = str(Path(sys.executable).parent)

SMALL = ROOT / "tests" / "small_project"
"""The params.yaml and the documents of a small project: two variants of each kind, for two epochs."""
DVC_YAML: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))

LINES_OF_DVC = re.compile(r"^Running stage '(.+)':$", re.MULTILINE)


def environment(**variables: str) -> dict[str, str]:
    """The environment of a command in a project: our modules and Python, without a Git hook's or DVC's variables."""
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


class Done(NamedTuple):
    """How `stages.parallel` ended: its status or what it complained about, and what it said."""

    returncode: Any
    stdout: str


def parallel(folder: Path, *arguments: str, **variables: str) -> Done:
    """Run `python -m stages.parallel` in this process, which saves the start of another one."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        patch.chdir(folder)
        for name, value in environment(**variables).items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
    return Done(ended.value.code, said.getvalue())


def is_clean(folder: Path) -> bool:
    """Whether `dvc status` finds nothing to do, in this process."""
    return changed_stages(folder) == set()


def changed_stages(folder: Path) -> set[str]:
    """The stages that `dvc status` calls changed, in this process."""
    with chdir(folder), Repo() as repo:  # DVC names stages from the current folder
        return set(repo.status())


def started(said: str) -> list[str]:
    """The stages whose commands `dvc repro` started."""
    return LINES_OF_DVC.findall(said)


def initialize(folder: Path) -> None:
    """Make Git's and DVC's folders as `git init` and `dvc init` do, without touching what DVC keeps for the user."""
    assert run(folder, "git", "init", "-q", "-b", "main").returncode == 0
    with (folder / ".git/config").open("a", encoding="utf-8") as config:
        config.write("[user]\n\tname = A tester\n\temail = tester@example.org\n")
    settings = {"analytics": "false", "check_update": "false", "site_cache_dir": folder.parent / "site"}
    lines = [f"    {key} = {value}\n" for key, value in settings.items()]
    (folder / ".dvc/tmp").mkdir(parents=True)
    (folder / ".dvc/config").write_text("".join(["[core]\n", *lines]), encoding="utf-8")
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n", encoding="utf-8")


def block(stage: str) -> dict[str, Any]:
    """The declaration of a stage of our dvc.yaml, without `foreach`."""
    declared: dict[str, Any] = DVC_YAML["stages"][stage]
    return declared.get("do", declared)


def outputs_of(stage: str) -> dict[str, dict[str, Any]]:
    """The outputs of a stage of our dvc.yaml, and their settings; metrics and plots are outputs, too."""
    outputs: dict[str, dict[str, Any]] = {}
    for kind in ("outs", "metrics", "plots"):
        for output in block(stage).get(kind, []):
            outputs |= output if isinstance(output, dict) else {output: {}}
    return outputs


def lies_in(path: str, folder: str) -> bool:
    """Whether the path is the folder or in it; in `folder`, `${key}` stands for any name."""
    pattern = re.sub(r"\\\$\\\{.*?\\\}", "[^/]+", re.escape(folder))
    return re.fullmatch(f"{pattern}(/.*)?", path) is not None


def small_project(folder: Path, with_data: bool = True) -> Path:
    """Lay our own stages with the params and documents of `SMALL` into the empty folder; they never ran.

    with_data: also copy the raw files to a mirror beside the folder; skips where they are neither in the repository
    nor in a mirror.
    """
    params: dict[str, Any] = yaml.safe_load((SMALL / "params.yaml").read_text(encoding="utf-8"))
    for name in params["datasets"] if with_data else ():
        raw_files(name, folder.parent / "mirror" / spec_of(name).mirror)
    initialize(folder)
    with (folder / ".dvc/config").open("a", encoding="utf-8") as config:
        config.write("    autostage = false\n")
    for name in ("dvc.yaml", "custom_objects.py", ".gitignore", ".dvcignore"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / "stages", folder / "stages", copy_function=shutil.copy2)  # with its byte code
    shutil.copytree(SMALL, folder, dirs_exist_ok=True)
    (folder / "reports/one_seed").mkdir(parents=True)
    (folder / "reports/one_seed/.gitkeep").touch()  # no run is kept
    made = [output for stage in DVC_YAML["stages"] for output in outputs_of(stage)]
    for dependency in {each for stage in DVC_YAML["stages"] for each in block(stage).get("deps", [])}:
        source, target = ROOT / dependency, folder / dependency
        if (
            target.exists()
            or not source.exists()
            or any(lies_in(*pair) for output in made for pair in ((dependency, output), (output, dependency)))
        ):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    return folder


def raw_files(dataset: str, folder: Path) -> Path:
    """Put the raw files of a data set into a folder, and return it; skips if neither here nor in a mirror are any."""
    spec = replace(spec_of(dataset), caches=())
    folder.mkdir(parents=True, exist_ok=True)
    for file in spec.files:
        mirrors = download.sources_of(spec, replace(file, urls=()), download.find_mirrors(os.environ, ROOT), ROOT)
        try:
            download.fetch(file, folder, [ROOT / RAW / dataset / file.name, *mirrors])
        except ValueError:
            pytest.skip(f"no raw files of {dataset} here")
    return folder


# A stage writes its inputs. Variables that name stages make them do more.
MAKE = """
import os, signal, sys, time
from pathlib import Path

name, *inputs = sys.argv[1:]
log = Path(os.environ["DVC_ROOT"], "log")  # a stage of stages.parallel runs in a folder of its own
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
    initialize(folder)
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


def end_group(process: subprocess.Popen[str], number: int | None = None) -> str:
    """Send the signal, or SIGKILL, to the process and all that it started, and wait for its end; their output."""
    os.killpg(process.pid, number or signal.SIGKILL)
    return process.communicate(timeout=60)[0]


def wait_until(happened: Any, seconds: float = 120) -> None:
    """Wait until it happens; the test fails if it does not."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
