"""Drawings: functions of `stages.reporting.figures` with their arguments. It takes no matplotlib to make one."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Stored:
    """An argument that is read when the figure is drawn."""

    read: Callable[..., Any]
    """A function of `stages.reporting.stored`."""
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Drawing:
    """A figure, which is drawn when it is called."""

    function: str
    """Module and name, such as `curves.study_curves`."""
    arguments: tuple[Any, ...]

    def __call__(self) -> "Figure":
        """Draw the figure."""
        module, name = self.function.split(".")
        draw: Callable[..., Figure] = getattr(import_module(f"stages.reporting.figures.{module}"), name)
        return draw(*(each.read(*each.arguments) if isinstance(each, Stored) else each for each in self.arguments))
