"""The user's own Python file that `custom_objects` names; see `stages.training.custom_objects`."""

import ast
import importlib.util
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.params.checked import NOTHING_CHECKED, Checked
from stages.training import import_tensorflow
from stages.training.custom_objects import FILE, objects_of, read_source
from stages.training.objects import BASES, sentence
from stages.training.recipe import Recipe

OURS = ("stages.training.graphs", "stages.training.schedules")
"""Modules of ours whose functions a recipe may name."""


@dataclass(frozen=True)
class OwnFile:
    """The file, and the names that it defines."""

    file: str
    source: str
    sha256: str
    names: frozenset[str]
    is_alone: bool
    """Whether it imports nothing that is not installed."""

    def is_used_by(self, recipe: Recipe) -> bool:
        """Whether a value in the recipe is one of the names: a class, or a function such as an activation."""
        return any(isinstance(value, str) and value in self.names for value in _values(recipe))


def _values(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    return [each for inner in value for each in _values(inner)] if isinstance(value, list) else [value]


def read_own_file(name: str, checked: Checked = NOTHING_CHECKED) -> OwnFile:
    """Run the file and name what it defines, unless an earlier run did.

    checked: results of earlier runs. Raises: ValueError that names the file and the line.
    """
    try:
        source, sha256 = read_source(name)
    except (OSError, ValueError) as error:
        raise ValueError(f"custom_objects: expected a Python file to read, got {name!r} ({sentence(error)})") from None

    is_alone = imports_libraries_alone(source)
    if not is_alone:  # what it imports may change
        checked = NOTHING_CHECKED
    names = checked.once({"custom_objects": source}, lambda: _names(name, source))
    return OwnFile(name, source, sha256, frozenset(names), is_alone)


def imports_libraries_alone(source: str) -> bool:
    """Whether all modules that a file imports are Python's or installed; not if it cannot be parsed."""
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError):
        return False
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    return all(map(_is_library, {name.partition(".")[0] for name in names}))


def _is_library(module: str) -> bool:
    if module in sys.stdlib_module_names:
        return True
    found = importlib.util.find_spec(module)
    return found is not None and "site-packages" in Path(found.origin or "").parts


def _names(file: str, source: str) -> list[str]:
    import_tensorflow()
    try:
        names = sorted(objects_of(source))
    except (Exception, SystemExit) as error:  # whatever the file raises
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
        line = error.lineno if isinstance(error, SyntaxError) else (lines or [1])[-1]
        got = f"{type(error).__name__}: {sentence(error)}"
        raise ValueError(f"{file}, line {line}: expected Python that can be imported, got {got}") from None
    modules = [*map(importlib.import_module, (*OURS, *BASES, "keras.activations"))]
    for own in names:
        if any(hasattr(module, own) for module in modules):
            raise ValueError(f"{file}, {own}: expected a name that Keras does not have, got {own}")
    return names
