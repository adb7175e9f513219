"""YAML 1.2, as DVC writes it: `1e-05` is a number and `no` is text."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import Node

from stages.params.messages import MAX_SHOWN, shown


class _Constructor(SafeConstructor):
    """Gives the errors of Python's own constructors, such as `int`, their line."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, KeyError) as error:
            problem = f"{shown(node.value)} ({error})"
            raise ConstructorError(None, None, problem, node.start_mark) from None


def read_yaml(path: Path) -> Any:
    """Read a file of one YAML document.

    Raises: ValueError with one line: the file, where it can be told the line, what was expected and what came.
    """
    reader = YAML(typ="safe", pure=True)  # the parser in C ends the process where brackets are nested deeply
    reader.Constructor = _Constructor
    try:
        return reader.load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{path}{line}: expected YAML, got {_short(error.problem or error.context)}") from None
    except (OSError, UnicodeDecodeError, YAMLError, RecursionError) as error:
        raise ValueError(f"{path}: expected YAML in UTF-8, got: {_short(error)}") from None


def _short(text: object) -> str:
    return " ".join(str(text).split())[:MAX_SHOWN]
