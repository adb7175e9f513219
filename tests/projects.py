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
    # Byte code is written beside the modules: a project's own would be compiled in every run.
    return inherited | {"PATH": path, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONUNBUFFERED": "1"} | variables


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run to the end; the two outputs are one, in `stdout`."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )


def start(folder: Path, *command: str, **variables: str) -> subprocess.Popen[str]:
    """Start in a session of its own, so that a signal to the group reaches all of it and nothing else."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def dvc(folder: Path, *arguments: str) -> str:
    """Run `dvc`, which is to succeed; what it said."""
    done = run(folder, "dvc", *arguments)
    assert done.returncode == 0, f"dvc {' '.join(arguments)}: expected status 0, got {done.returncode}:\n{done.stdout}"
    return done.stdout


def is_clean(folder: Path) -> bool:
    return "up to date" in dvc(folder, "status")


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
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


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


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
