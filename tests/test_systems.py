"""What the code promises on other systems than Linux: line ends, processes, and what Git does to files there."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from projects import run

from stages.environment import LIBRARIES
from stages.scheduling.task import hash_path

ROOT = Path(__file__).resolve().parents[1]
MODULES = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("stages/**/*.py"))]

LATER = ("stages/training/", "stages/scheduling/")
"""A change of these trains, or runs, everything again: they are as they are. What `scheduling` writes as text stays on
the machine, and sweeps do not run on Windows."""

POSIX = {
    *("fork", "forkpty", "killpg", "getpgid", "setsid", "geteuid", "getuid", "mkfifo", "statvfs", "wait4"),
    *("sched_getaffinity", "sched_setaffinity", "SIGKILL", "SIGHUP", "SIGSTOP", "SIGUSR1"),
}
POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the name of its function, without what is before a point."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


OPENERS = ("open", "fdopen", "NamedTemporaryFile", "TemporaryFile")


def writes_text(name: str, call: ast.Call) -> bool:
    """Whether a call writes text to a file, or opens one for that."""
    if name not in OPENERS:
        return name == "write_text"
    values = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    texts = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return any(set(mode) <= set("rwaxt+") and set(mode) & set("wax+") for mode in texts)


def ends_lines_as_the_system(text: str) -> list[int]:
    """The lines of a module that write text or CSV without saying how its lines end."""
    found = []
    for name, call in calls(ast.parse(text)):
        words = {word.arg for word in call.keywords}
        if (writes_text(name, call) and "newline" not in words) or (
            name == "to_csv" and call.args and "lineterminator" not in words
        ):
            found.append(call.lineno)
    return found


@pytest.mark.parametrize(
    "line",
    [
        *("path.write_text('a')", "open('a', 'w')", "path.open('a+', encoding='utf-8')", "os.fdopen(3, mode='w')"),
        "table.to_csv(path)",
    ],
)
def test_a_write_with_the_line_ends_of_the_system_is_found(line: str) -> None:
    assert ends_lines_as_the_system(f"1\n{line}") == [2]


@pytest.mark.parametrize(
    "line",
    [
        *("path.write_text('a', newline='\\n')", "open('a.txt')", "path.open('wb')", "path.open('w', newline='')"),
        *("table.to_csv(path, lineterminator='\\n')", "table.to_csv(index=False)", "path.mkdir(mode=0o755)"),
    ],
)
def test_other_calls_are_not_found(line: str) -> None:
    assert ends_lines_as_the_system(line) == []


def test_text_has_the_same_line_ends_on_every_system() -> None:
    places = [
        f"{name}, line {line}"
        for name in MODULES
        if not name.startswith(LATER)
        for line in ends_lines_as_the_system((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert places == []


def run_when_imported(tree: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: all but the bodies of functions."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting += [*node.args.defaults, *filter(None, node.args.kw_defaults), *getattr(node, "decorator_list", ())]
        else:
            waiting += ast.iter_child_nodes(node)


def needs_posix(text: str) -> list[int]:
    """The lines of a module without which it cannot be imported on Windows."""
    found = []
    for node in run_when_imported(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {getattr(node, "module", None), *(name.name for name in node.names)}
            if names & (POSIX | POSIX_MODULES):
                found.append(node.lineno)
        elif isinstance(node, ast.Attribute) and node.attr in POSIX:
            found.append(node.lineno)
    return sorted(found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("import os, fcntl", [1]),
        ("from signal import SIGKILL", [1]),
        ("class A:\n    status = -signal.SIGKILL", [2]),
        ("@mark(os.geteuid())\ndef a(number=signal.SIGKILL): pass", [1, 2]),
        ("def a():\n    import fcntl\n    os.killpg(1, signal.SIGKILL)", []),
        ("CORES = os.cpu_count()", []),
    ],
)
def test_what_a_module_needs_of_posix_is_found(text: str, lines: list[int]) -> None:
    assert needs_posix(text) == lines


def test_every_module_can_be_imported_on_windows() -> None:
    tests = [path.relative_to(ROOT).as_posix() for path in sorted(ROOT.glob("tests/*.py"))]
    places = [
        f"{name}, line {line}"
        for name in (*MODULES, *tests)
        if not name.startswith(LATER)
        for line in needs_posix((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert places == []


def unmarked(text: str) -> list[str]:
    """The tests of a module that need POSIX and are run without."""
    tree = ast.parse(text)
    marks = [node.value for node in tree.body if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node)]
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if any(isinstance(part, ast.Attribute) and part.attr in POSIX for part in ast.walk(node))
        and not {"mark.posix", "mark.skipif"}
        & {found for mark in (*marks, *node.decorator_list) for found in re.findall(r"mark\.\w+", ast.unparse(mark))}
    ]


def test_tests_that_need_posix_are_marked() -> None:
    assert unmarked("def test_a():\n    os.killpg(1, 9)") == ["test_a"]
    assert unmarked("pytestmark = pytest.mark.posix\ndef test_a():\n    os.killpg(1, 9)") == []
    found = {path.name: unmarked(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("tests/test_*.py"))}
    assert {name: tests for name, tests in found.items() if tests} == {}


# What Git does


def hashes_in_a_clone(folder: Path, attributes: str) -> dict[str, str]:
    """The hashes of all inputs of stages that Git has, in a clone as Git for Windows makes it.

    attributes: of the clone itself, before those of the repository.
    """
    options = ("--no-checkout", "--config", "core.autocrlf=true")
    assert run(ROOT, "git", "clone", "--quiet", *options, str(ROOT), str(folder)).returncode == 0
    (folder / ".git" / "info" / "attributes").write_text(attributes, encoding="utf-8", newline="\n")
    assert run(folder, "git", "checkout", "--quiet", "HEAD").returncode == 0
    lock = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))
    paths = {dep["path"] for stage in lock["stages"].values() for dep in stage["deps"]}
    return {path: hash_path(folder / path).md5 for path in sorted(paths) if (folder / path).exists()}


def test_git_for_windows_changes_no_input_of_a_stage(tmp_path: Path) -> None:
    as_committed = hashes_in_a_clone(tmp_path / "committed", "* -text")
    assert len(as_committed) > 20
    assert hashes_in_a_clone(tmp_path / "windows", "") == as_committed
    without_ours = hashes_in_a_clone(tmp_path / "other", "* text=auto !eol")
    assert not without_ours.items() & as_committed.items()


# One lock


@pytest.fixture(scope="module")
def locked() -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return packages


def test_every_python_and_every_system_has_the_same_versions(locked: list[dict[str, Any]]) -> None:
    assert [name for name, count in Counter(package["name"] for package in locked).items() if count > 1] == []


@pytest.mark.parametrize("python", ["cp311", "cp312", "cp313"])
def test_every_library_that_computes_has_a_wheel_for_each_python(locked: list[dict[str, Any]], python: str) -> None:
    wheels = {package["name"]: [wheel["url"] for wheel in package.get("wheels", ())] for package in locked}
    assert set(LIBRARIES) <= set(wheels)
    usable = re.compile(rf"-(?:{python}-{python}|py3-none|py2\.py3-none|cp3\d+-abi3)-(?:any|manylinux[\w.]+_x86_64)")
    assert [name for name in LIBRARIES if not any(map(usable.search, wheels[name]))] == []
