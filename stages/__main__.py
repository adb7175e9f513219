"""List the commands: `python -m stages`."""

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent
OF_A_STAGE = re.compile(r"cmd: python -m stages\.(\w+)")


def summaries() -> dict[str, str]:
    """Say in a line what each command does: the beginning of its module's docstring, which is read and not imported."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        said = re.match(rf"(.+?): `python -m stages\.{path.stem}\b", docstring, re.DOTALL)
        if said:
            found[path.stem] = " ".join(said[1].split())
    return found


def main() -> None:
    """Print the commands for people, then those that `dvc repro` runs, in its order."""
    said = summaries()
    stages = OF_A_STAGE.findall(FOLDER.with_name("dvc.yaml").read_text(encoding="utf-8"))
    print("usage: python -m stages.<command> …; `--help` explains each, with examples")
    for title, names in (("Commands:", sorted(said.keys() - set(stages))), ("Stages, which `dvc repro` runs:", stages)):
        print("", title, *(f"  {name:<12} {said[name]}" for name in names), sep="\n")


if __name__ == "__main__":
    main()
