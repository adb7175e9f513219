"""The way from a question to its answer: `dvc exp run` and `stages.parallel -S` on this repository, beside a commit."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.processes import ROOT, unpinned

Say = Callable[[str], None]
Times = dict[str, float]
"""Of a command: `seconds` that pass, `processor` seconds of all its processes, `peak` memory in MB of the largest, and
perhaps `verdict`, the seconds until it has said what changed.
"""

BESIDE = "96bc608"
"""The commit of the comparison: there, every question draws all pictures and makes all reports again."""
OURS, THEIRS = "ours", "theirs"

EPOCHS = "variants.relu_100.epochs"
KNOWN = 5
"""The epochs of params.yaml."""
DROPOUT = 0.3
RUN, PARALLEL = ("dvc", "exp", "run", "-S"), ("stages.parallel", "-S")

STAGES = ("configure", "train relu_100", "environment", "evaluate", "compare", "plot", "page")
"""What a question about relu_100 runs."""
MEMO = ".dvc/tmp/memo"
RESULTS_BY_KEY = (MEMO, ".dvc/cache/runs")
"""What is kept from one run to the next, beside files."""
WORDS = {THEIRS: "stages/reporting/strings/en.yaml", OURS: "stages/presentation/words/en.yaml"}


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    if source.exists():
        shutil.copytree(source, target)


class Clone(NamedTuple):
    """A clone of this repository at a commit, with the environment of its own lock file and all results."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """The environment of its processes: nothing of an activated one, no data from elsewhere."""
        left_out = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "DVC_ROOT", "UV_PROJECT_ENVIRONMENT"}
        kept = {name: value for name, value in os.environ.items() if name not in left_out}
        path = f"{self.folder / '.venv/bin'}{os.pathsep}{kept['PATH']}"
        return {**kept, "PATH": path, "DVC_NO_ANALYTICS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}

    def call(self, *command: str) -> str:
        """Run a command that is not measured; give what it says."""
        done = subprocess.run(command, cwd=self.folder, env=self.variables, check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {(done.stdout + done.stderr)[-2000:]}")
        return done.stdout

    def measure(self, *command: str) -> Times:
        """Run a Python command, with its time; that of the verdict, if it prints one."""
        verdict: Times = {}
        start = time.perf_counter()
        process = subprocess.Popen(
            [".venv/bin/python", "-m", *command],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None  # noqa: S101 (for the type checker)
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("the same, byte for byte") and not verdict:
                verdict["verdict"] = round(time.perf_counter() - start, 1)
        _, status, resources = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            raise RuntimeError(f"{' '.join(command)}: {''.join(said)[-2000:]}")
        return {
            "seconds": round(time.perf_counter() - start, 1),
            "processor": round(resources.ru_utime + resources.ru_stime, 1),
            "peak": round(resources.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6),
        } | verdict

    def change_a_word(self, path: str) -> None:
        """Change one word of a file."""
        text = (self.folder / path).read_text(encoding="utf-8")
        if " the " not in text:
            raise RuntimeError(f"{path}: expected the word `the`, got none")
        (self.folder / path).write_text(text.replace(" the ", " that ", 1), encoding="utf-8")

    def go_back(self) -> None:
        """Go back to the commit's files and results."""
        self.call("git", "checkout", "--quiet", "--", ".")
        self.call(".venv/bin/python", "-m", "dvc", "checkout", "--quiet", "--force")

    @contextmanager
    def each_time_new(self) -> Iterator[Callable[[], None]]:
        """Go back to the commit at the end, and forget all that ran, so that it runs the next time too.

        Yields a function that forgets it at once.
        """
        before = self.folder / ".dvc/tmp/before"
        for name in RESULTS_BY_KEY:
            _copy(self.folder / name, before / name)

        def forget() -> None:
            for name in RESULTS_BY_KEY:
                _copy(before / name, self.folder / name)

        yield forget
        forget()
        self.go_back()


def clone(folder: Path, commit: str) -> Clone:
    """Clone this repository at a commit, install what its lock file names, and have all results.

    Those in DVC's cache of this repository are taken from there; the others are run.
    """
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(folder)], check=True)
    made = Clone(folder)
    made.call("git", "checkout", "--quiet", "--detach", commit)
    made.call("uv", "sync", "--quiet", "--locked", "--python", sys.executable)
    if (ROOT / "data/raw").exists():
        shutil.copytree(ROOT / "data/raw", folder / "data/raw")
    dvc = (".venv/bin/python", "-m", "dvc")
    made.call(*dvc, "config", "--local", "remote.here.url", str(ROOT / ".dvc/cache"))
    made.call(*dvc, "fetch", "--remote", "here")
    made.call(*dvc, "checkout", "--force", "--allow-missing")
    made.call(".venv/bin/python", "-m", "stages.parallel")
    made.call(*dvc, "commit", "--force")  # so that DVC knows the way back to what it pulled
    return made


def all_questions(folder: Path, say: Say, repeats: int) -> dict[str, Any]:
    """Ask both, in turns."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    clones = {THEIRS: clone(folder / "theirs", BESIDE), OURS: clone(folder / "ours", head.strip())}
    found: dict[str, dict[str, list[Times]]] = {}

    def ask(question: str, way: str, *command: str) -> Times:
        taken = clones[way].measure(*command)
        found.setdefault(question, {}).setdefault(way, []).append(taken)
        say(f"questions: {question}: {way} {taken}")
        return taken

    with unpinned():
        clean = {way: not each.call("git", "status", "--porcelain") for way, each in clones.items()}
        for each in clones.values():  # a first question, not measured: what is kept from one to the next is there
            each.measure(*RUN, f"{EPOCHS}={KNOWN - 1}")
            each.go_back()
        for number in range(repeats):
            _ask_once(clones, ask, number)
        for way in clones:
            with clones[way].each_time_new():
                ask("dropout", way, *(PARALLEL if way == OURS else RUN), f"dropout={DROPOUT}")
    return {"beside": BESIDE, "commit": head[:7], "repeats": repeats, "clean": clean, "found": found}


def _ask_once(clones: dict[str, Clone], ask: Callable[..., Times], number: int) -> None:
    """Ask what is asked several times."""
    question, back = f"{EPOCHS}={KNOWN + 1 + number}", f"{EPOCHS}={KNOWN}"
    for way, each in clones.items():
        with each.each_time_new() as forget:
            ask("one variant", way, *RUN, question)
            ask("back to the committed value", way, *RUN, back)
            ask("back to a value of before", way, *RUN, question)
            forget()
            for stage in STAGES:
                ask(f"stage {stage}", way, *f"stages.{stage}".split())
        ask("nothing to do", way, "dvc", "repro")
        ask("configure --check", way, "stages.configure", "--check")
        with each.each_time_new():
            each.change_a_word(WORDS[way])
            ask("one word", way, "dvc", "repro", "page")
        with each.each_time_new():
            shutil.rmtree(each.folder / MEMO, ignore_errors=True)
            ask("all pictures", way, "stages.plot")
    each = clones[OURS]
    with each.each_time_new():
        ask("one variant, on all cores", OURS, *PARALLEL, question)
        ask("back, on all cores", OURS, *PARALLEL, back)
