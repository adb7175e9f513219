"""Ways to run the stages of a DVC repository on all cores: ours beside `dvc repro`, paraffin and dask4dvc."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import yaml

from benchmarks.processes import ENVIRONMENTS, ROOT, environment, recipe_of, unpinned

Say = Callable[[str], None]

OURS, DVC, PARAFFIN, DASK4DVC = "ours", "dvc repro", "paraffin", "dask4dvc"
VARIANT = "thoracic_bce"
"""The small trainings are this variant with other seeds."""


def commands(way: str, jobs: int) -> list[list[str]]:
    """The commands of a way, which run one after another."""
    tools = ENVIRONMENTS / way / "bin"
    return {
        OURS: [[sys.executable, "-m", "stages.parallel", "-j", str(jobs)]],
        DVC: [[sys.executable, "-m", "dvc", "repro", "--quiet"]],
        PARAFFIN: [[f"{tools}/paraffin", "submit"], [f"{tools}/paraffin", "worker", "--jobs", str(jobs)]],
        DASK4DVC: [[f"{tools}/dask4dvc", "repro", "--max-workers", str(jobs)]],
    }[way]


SECONDS_TO_NOTE = 0.5
"""Between the end of the stage that a kill waits for and the kill: time to note what came of it."""
WAYS = (DVC, OURS, PARAFFIN, DASK4DVC)


def write_project(folder: Path, stages: dict[str, dict[str, Any]]) -> None:
    """Write the stages as a committed project of Git and DVC that never ran, around the files that the folder has."""
    for name, stage in stages.items():
        stage["cmd"] = [stage["cmd"], f'echo {name} >> "$RAN"']
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False), encoding="utf-8")
    outputs = sorted({stage["outs"][0] for stage in stages.values()})
    (folder / ".gitignore").write_text("".join(f"/{path}\n" for path in [*outputs, "paraffin.db"]), encoding="utf-8")
    for command in (
        ["git", "init", "--quiet"],
        [sys.executable, "-m", "dvc", "init", "--quiet"],
        ["git", "config", "user.name", "benchmark"],
        ["git", "config", "user.email", "benchmark@example.org"],
        ["git", "add", "--all"],
        ["git", "commit", "--quiet", "--message", "first"],
    ):
        subprocess.run(command, cwd=folder, env=_variables(folder, DVC), check=True, capture_output=True)


def trivial(folder: Path, count: int) -> None:
    """Write a project of stages that take no time."""
    folder.mkdir()
    (folder / "code").write_text("code", encoding="utf-8")
    names = [f"stage_{number:03}" for number in range(count)]
    write_project(
        folder,
        {
            name: {"cmd": f"mkdir -p out && echo {name} > out/{name}", "deps": ["code"], "outs": [f"out/{name}"]}
            for name in names
        },
    )


def trainings(folder: Path, count: int, scratch: Path) -> None:
    """Write a project of small trainings. scratch: a folder with data and recipes."""
    recipe = recipe_of(scratch, VARIANT)
    data = Path("data/normalized") / recipe["dataset"]
    shutil.copytree(scratch / data, folder / data)
    meta = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]["train"]["do"].get("meta", {})
    stages = {}
    for number in range(count):
        name = f"seed_{number:02}"
        path = folder / "data/recipes" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({**recipe, "seed": number}), encoding="utf-8")
        stages[name] = {
            "cmd": f"python -m stages.train {name}",
            "deps": [data.as_posix(), f"data/recipes/{name}.json"],
            "outs": [f"data/models/{name}"],
            "meta": meta,
        }
    write_project(folder, stages)


def _variables(folder: Path, way: str) -> dict[str, str]:
    """The environment of a way: `python` is the project's, `dvc` its own."""
    tools = folder.parent / f"tools of {way}"
    tools.mkdir(exist_ok=True)
    own = Path(sys.executable).parent if way in (OURS, DVC) else ENVIRONMENTS / way / "bin"
    with suppress(FileExistsError):
        (tools / "dvc").symlink_to(own / "dvc")
    variables = {name: value for name, value in environment().items() if name != "DVC_ROOT"}
    return variables | {"PATH": f"{tools}:{variables['PATH']}", "RAN": str(_notes(folder))}


def _notes(folder: Path) -> Path:
    return folder.with_suffix(".ran")


def ran(folder: Path) -> list[str]:
    """The stages that ran to their end, each as often as it did."""
    notes = _notes(folder)
    return notes.read_text(encoding="utf-8").split() if notes.exists() else []


class WayError(Exception):
    """A way did not do its work."""


def run_way(way: str, folder: Path, jobs: int, limit: float, until: int | None = None) -> dict[str, float]:
    """Run a way to its end; give seconds that pass and processor seconds of all its processes.

    until: kill all of it when so many stages have run. Raises: WayError, also if it takes longer than the limit.
    """
    start, processor = time.perf_counter(), 0.0
    with (folder.with_suffix(".said")).open("w+") as said:
        for command in commands(way, jobs):
            process = subprocess.Popen(
                command, cwd=folder, env=_variables(folder, way), stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
            while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
                if until is not None and len(ran(folder)) >= until:
                    time.sleep(SECONDS_TO_NOTE)
                    kill(process.pid)
                    os.wait4(process.pid, 0)
                    return {}
                if time.perf_counter() - start > limit:
                    kill(process.pid)
                    os.wait4(process.pid, 0)
                    raise WayError(f"not at its end after {limit:g} s: {len(ran(folder))} stages")
                time.sleep(0.02)
            _, status, resources = ended
            processor += resources.ru_utime + resources.ru_stime
            if status:
                said.seek(0)
                last = " ".join(line.strip() for line in said.read().strip().splitlines()[-2:])
                raise WayError(last[-200:] or f"status {os.waitstatus_to_exitcode(status)}")
    return {"seconds": round(time.perf_counter() - start, 1), "processor": round(processor, 1)}


def kill(pid: int) -> None:
    """Kill a process and all that it started, as when the memory is full or the machine goes off."""
    process = psutil.Process(pid)
    for each in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            each.kill()


def compare(place: Path, lay: Callable[[Path], None], count: int, jobs: int, limit: float) -> dict[str, Any]:
    """By way, what a project takes, and what is lost when it is killed half way.

    lay: writes the project, of so many stages, into a folder that is not there.
    """
    found: dict[str, Any] = {}
    for way in WAYS:
        one = found[way] = {}
        whole, half = place / f"{way} whole", place / f"{way} killed"
        try:
            lay(whole)
            one |= run_way(way, whole, jobs, limit)
            _check(whole, count)
            lock = (place / f"{WAYS[0]} whole" / "dvc.lock").read_bytes()
            one["same"] = (whole / "dvc.lock").read_bytes() == lock
            lay(half)
            run_way(way, half, jobs, limit, until=count // 2)
            before = ran(half)
            try:
                one["seconds after"] = run_way(way, half, jobs, limit)["seconds"]
                _check(half, count)
            except WayError as error:
                raise WayError(f"after the kill: {error}") from error
            one["lost"] = len(set(before) & set(ran(half)[len(before) :]))
        except (WayError, OSError) as error:
            one["failed"] = str(error)
    return found


def _check(folder: Path, count: int) -> None:
    """Raise WayError unless all stages have run."""
    if missing := count - len(set(ran(folder))):
        raise WayError(f"{missing} of {count} stages did not run")


def versions() -> dict[str, str]:
    """By scheduler, its version and that of its DVC."""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]), sep=' with DVC ')"
    found = {}
    for way in (PARAFFIN, DASK4DVC):
        asked = [str(ENVIRONMENTS / way / "bin/python"), "-c", code, way, "dvc"]
        found[way] = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    return found


def all_ways(folder: Path, scratch: Path, say: Say, counts: tuple[int, int], limit: float) -> dict[str, Any]:
    """Compare the ways on trivial stages and on small trainings, so many of each."""
    jobs = os.cpu_count() or 1
    found: dict[str, Any] = {"jobs": jobs, "limit": limit, "variant": VARIANT, "versions": versions(), "projects": {}}
    kinds: dict[str, Callable[[Path], None]] = {
        f"{counts[0]} trivial stages": lambda place: trivial(place, counts[0]),
        f"{counts[1]} small trainings": lambda place: trainings(place, counts[1], scratch),
    }
    with unpinned():
        for (name, lay), count in zip(kinds.items(), counts, strict=True):
            place = folder / name.replace(" ", "_")
            place.mkdir(parents=True)
            found["projects"][name] = compare(place, lay, count, jobs, limit)
            say(f"schedulers: {name}: {found['projects'][name]}")
    return found
