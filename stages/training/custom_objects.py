"""Classes and functions of the user's own, in one Python file: layers, graphs, schedules and all else that Keras has.

`custom_objects` in `params.yaml` names the file. `stages.configure` puts its hash into the recipe of every variant that
names something of it, so that a change of the file trains these variants again and no others. Recipes and models are
data, and may come from elsewhere: the code that runs is that of the file in this repository, if it has that hash. While
a model is built and trained, Keras knows what is in the file as its custom objects, by their own names; see
`keras.saving.get_custom_objects`.
"""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from stages.training.recipe import Recipe

MODULE = "custom_objects"
FILE = f"<{MODULE}>"
"""The file's name in tracebacks."""


def read_source(file: str) -> tuple[str, str]:
    """Give the text of a Python file and its SHA-256, in UTF-8 with the line ends of Unix."""
    source = Path(file).read_text(encoding="utf-8")
    return source, hashlib.sha256(source.encode()).hexdigest()


def source_of(recipe: Recipe) -> str | None:
    """Give the text of the file of which a recipe names something; None if it names nothing.

    Raises: ValueError if this repository has no such file, or one with another hash.
    """
    if "custom_objects" not in recipe:
        return None
    file, expected = recipe["custom_objects"]["file"], recipe["custom_objects"]["sha256"]
    try:
        source, got = read_source(file)
    except (OSError, ValueError):
        raise ValueError(f"{file}: expected the file with SHA-256 {expected}, got none") from None
    if got != expected:
        raise ValueError(f"{file}: expected SHA-256 {expected}, as in the recipe, got {got}; run `dvc repro`")
    return source


def objects_of(source: str) -> dict[str, Any]:
    """Run a Python file and give the public classes and functions that it defines, by name."""
    module = ModuleType(MODULE)
    sys.modules[MODULE] = module
    exec(compile(source, FILE, "exec"), module.__dict__)  # noqa: S102 (the user's own code, as a stage's)
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == MODULE
    }


_known: dict[str, Any] = {}


def known() -> dict[str, Any]:
    """Give the custom objects of the `scope` that is open, by name."""
    return _known


@contextmanager
def scope(source: str | None) -> Iterator[None]:
    """Let the builder and Keras know what a Python file defines; nothing for None."""
    global _known
    import keras

    registry = keras.saving.get_custom_objects()  # unlike Keras's own scope, it survives `clear_session`
    before = _known, dict(registry)
    _known = objects_of(source) if source is not None else {}
    registry.update(_known)
    try:
        yield
    finally:
        _known = before[0]
        registry.clear()
        registry.update(before[1])
