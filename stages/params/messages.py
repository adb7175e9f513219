"""The words of an error: what was expected and what came, in one line."""

import reprlib
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from stages.training.objects import sentence as sentence

MAX_SHOWN = 300  # characters
MAX_NAMES = 12
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict = 4, 10, 10
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = MAX_SHOWN


def shown(value: Any) -> str:
    """Write a value like `repr`, in no more than a few lines however large it is."""
    try:
        text = _SHORT.repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = f"{type(value).__name__} of too many digits"
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def unknown(path: str, known: Iterable[str], got: Any) -> str:
    """Say that a name is none of the known ones, with those that are similar."""
    known = sorted(known)
    close = _similar(got, known) if isinstance(got, str) else []
    others = f" or another of {len(known)}" if not close and len(known) > MAX_NAMES else ""
    return f"{path}: expected one of {', '.join(close or known[:MAX_NAMES])}{others}, got {shown(got)}"


def _similar(name: str, known: list[str]) -> list[str]:
    plain = {each.lower(): each for each in known}
    spelled = name.replace("_", "").lower()  # Keras's `mean_squared_error` is its class MeanSquaredError
    if spelled in plain:
        return [plain[spelled]]
    return get_close_matches(name, known, n=3)
