"""Drawings: functions of `stages.reporting.figures` with their arguments, and the keys of what they draw.

A key is the hash of the arguments, of the code and of the versions of the libraries: drawings with the same key give
the same picture. It takes neither matplotlib, which `stages.reporting.figures` imports, nor what is read in drawing.
"""

import hashlib
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from stages.reporting.code import hash_of_code

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIBRARIES = ("matplotlib", "numpy", "pandas", "pillow")
"""Libraries whose versions may change a picture."""


@dataclass(frozen=True)
class Stored:
    """An argument that is read when the figure is drawn."""

    read: Callable[..., Any]
    """A function of `stages.reporting.stored`."""
    arguments: tuple[Any, ...]
    content: str
    """Hash of the files that it reads."""


@dataclass(frozen=True)
class Drawing:
    """A figure, which is drawn when it is called."""

    function: str
    """Module and name, such as `curves.study_curves`."""
    arguments: tuple[Any, ...]

    def __call__(self) -> "Figure":
        """Draw the figure."""
        draw: Callable[..., Figure] = getattr(import_module(self.module), self.function.split(".")[1])
        return draw(*(each.read(*each.arguments) if isinstance(each, Stored) else each for each in self.arguments))

    @property
    def module(self) -> str:
        """Module of the function."""
        return f"stages.reporting.figures.{self.function.split('.')[0]}"

    def key(self) -> str:
        """Hash everything that the picture depends on: 64 hexadecimal digits."""
        modules = [
            __name__,
            self.module,
            *(each.read.__module__ for each in self.arguments if isinstance(each, Stored)),
        ]
        # Equal pickles hold equal values in the same order. None is ever loaded.
        content = pickle.dumps((self, [hash_of_code(module) for module in modules], versions()), protocol=5)
        return hashlib.sha256(content).hexdigest()


@cache
def versions() -> tuple[str, ...]:
    """Versions of Python and of the libraries that draw."""
    return sys.version, *(metadata.version(name) for name in LIBRARIES)
