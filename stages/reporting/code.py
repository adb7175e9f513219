"""Hashes of files, and of the code of ours that a module runs: what has the same ones comes out the same."""

import ast
import hashlib
from functools import cache
from pathlib import Path

import stages

ROOT = Path(stages.__path__[0]).parent
IMPORTED_BY_NAME = {"stages.datasets.spec": "stages.datasets"}
"""Packages of which a module imports any module, by a name that does not stand in it."""


def hash_of(path: Path) -> str:
    """Hash a file, or all files in a folder with their names; what is missing is as an empty folder."""
    found = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            found.update(f"{file.relative_to(path).as_posix()}\0{content}\n".encode())
    return found.hexdigest()


@cache
def hash_of_code(module: str) -> str:
    """Hash the files of a module and of all of ours that it imports, directly or not, with the data that they read."""
    names, waiting = set[str](), {module}
    while waiting:
        name = waiting.pop()
        names.add(name)
        waiting |= _imported(name) - names
    files = sorted({file for name in names for file in _files_of(name)})
    lines = [f"{file.relative_to(ROOT).as_posix()}\0{hash_of(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@cache
def _imported(module: str) -> frozenset[str]:
    """Modules of ours that a module imports, and the package that holds it."""
    names = {module.rpartition(".")[0]}
    for node in ast.walk(ast.parse(_files_of(module)[0].read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    if package := IMPORTED_BY_NAME.get(module):
        names |= {f"{package}.{file.stem}" for file in ROOT.joinpath(*package.split(".")).glob("*.py")}
    return frozenset(name for name in names if _files_of(name))


@cache
def _files_of(module: str) -> list[Path]:
    """Files of a module: its own, and all that is no code beside one that asks for its `__file__`; none if not ours."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if module.partition(".")[0] != stages.__name__ or not file.is_file():
        return []
    reads = b"__file__" in file.read_bytes()
    return [file, *(each for each in file.parent.iterdir() if reads and each.is_file() and each.suffix != ".py")]
