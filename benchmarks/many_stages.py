"""The cost of DVC itself with many stages: projects of trivial stages, in one dvc.yaml or in one per group."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from benchmarks.processes import RSS_UNIT, environment, unpinned

GROUP = 50
"""Stages in a dvc.yaml of their own, where there are several."""

LAYOUTS = ("a dvc.yaml for each 50", "one dvc.yaml")

COMMANDS: dict[str, list[str]] = {
    "first run": ["-m", "dvc", "repro", "--quiet"],
    "nothing to do": ["-m", "dvc", "repro", "--quiet"],
    "status": ["-m", "dvc", "status", "--quiet"],
    "parallel, nothing to do": ["-m", "stages.parallel"],
    "parallel, first run": ["-m", "stages.parallel"],
}
"""In this order; the last in a project of its own."""


def write_project(folder: Path, count: int, layout: str) -> None:
    """Write a project of so many stages that never ran, as many outputs in each as a training has, and one that reads
    from all: in one dvc.yaml, or in `pipelines/<number>/dvc.yaml`.
    """
    names = [f"variant_{number:04}" for number in range(count)]
    for place in ("recipes", "models", "histories"):
        (folder / place).mkdir(parents=True)
    for name in names:
        (folder / "recipes" / name).write_text(name, encoding="utf-8")
    (folder / "code").write_text("code", encoding="utf-8")
    (folder / ".gitignore").write_text("/models/\n/histories/\n/all\n", encoding="utf-8")
    train = {
        "cmd": "cp recipes/${item} models/${item} && cp recipes/${item} histories/${item}",
        "deps": ["code", "recipes/${item}"],
        "outs": ["models/${item}", "histories/${item}"],
    }
    stages: dict[str, Any] = {}
    if layout == LAYOUTS[0]:
        for start in range(0, count, GROUP):
            group = folder / "pipelines" / f"{start // GROUP:02}"
            group.mkdir(parents=True)
            block = {"foreach": names[start : start + GROUP], "do": {**train, "wdir": "../.."}}
            (group / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": block}}), encoding="utf-8")
    else:
        stages["train"] = {"foreach": names, "do": train}
    stages["compare"] = {"cmd": "cat histories/* > all", "deps": ["histories"], "outs": ["all"]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False), encoding="utf-8")
    for command in (["git", "init", "--quiet"], [sys.executable, "-m", "dvc", "init", "--quiet"]):
        subprocess.run(command, cwd=folder, env=_variables(), check=True, capture_output=True)


def _variables() -> dict[str, str]:
    return {name: value for name, value in environment().items() if name != "DVC_ROOT"}


def done_stages(folder: Path) -> int:
    """The stages whose outputs are there."""
    return len(list((folder / "histories").glob("variant_*")))


def measure(folder: Path, command: list[str], limit: float) -> dict[str, float]:
    """Seconds that pass, processor seconds of all its processes, and peak memory in MB (of the largest) of a command;
    `stages`, if it did not end in the limit.
    """
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env=_variables(),
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # Not as Ctrl-C, which a process that was started in the background ignores.
        timer = threading.Timer(limit, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        _, status, resources = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        found = {
            "seconds": round(wall, 2),
            "processor": round(resources.ru_utime + resources.ru_stime, 2),
            "peak": round(resources.ru_maxrss * RSS_UNIT / 1e6, 1),
        }
        if wall >= limit and process.returncode:
            return {**found, "stages": done_stages(folder)}
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)}: expected exit code 0, got:\n{said.read().decode()[-2000:]}")
    return found


def finish(folder: Path, other: Path) -> None:
    """Give a project of one dvc.yaml the files of a first run, from a finished project of several."""
    for place in ("models", "histories", ".dvc/cache"):
        shutil.rmtree(folder / place, ignore_errors=True)
        shutil.copytree(other / place, folder / place)
    shutil.copyfile(other / "all", folder / "all")
    stages: dict[str, Any] = {}
    for lock in [*sorted(other.glob("pipelines/*/dvc.lock")), other / "dvc.lock"]:
        stages |= yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    content = {"schema": "2.0", "stages": stages}
    (folder / "dvc.lock").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def cost(folder: Path, count: int, layout: str, limit: float, other: Path | None) -> dict[str, dict[str, float]]:
    """What each of the commands takes. Where the first run does not end in the limit, the next two are measured on what
    the other layout left, if there is one.
    """
    write_project(folder, count, layout)
    found: dict[str, dict[str, float]] = {}
    with unpinned():
        for name, command in COMMANDS.items():
            place = folder
            if name == "parallel, first run":
                place = folder.with_name(f"{folder.name}_parallel")
                write_project(place, count, layout)
            found[name] = measure(place, command, limit)
            if "stages" in found[name]:
                if name != "first run" or other is None:
                    break
                finish(folder, other)
    return found


def all_costs(folder: Path, say: Callable[[str], None], counts: tuple[int, ...], limit: float) -> dict[str, Any]:
    """By layout and count, what each of the commands takes: seconds, the limit that ends it included."""
    costs: dict[str, Any] = {layout: {} for layout in LAYOUTS}
    for count in counts:
        other = None
        for layout in LAYOUTS:
            place = folder / f"{layout.replace(' ', '_')}_{count}"
            found = costs[layout][str(count)] = cost(place, count, layout, limit, other)
            took = ", ".join(
                f"{name} {value['seconds']:.1f} s" + (" (not at its end)" if "stages" in value else "")
                for name, value in found.items()
            )
            say(f"stages: {count} in {layout}: {took}")
            if "stages" not in found["first run"]:
                other = place
    return costs
