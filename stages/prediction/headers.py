"""The columns of a table that a model needs, found by the names in its header."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches
from typing import NamedTuple

from stages.datasets.spec import DatasetSpec, NewRows
from stages.params.messages import shown
from stages.prediction.files import listed

NEARLY = 0.8
"""Similarity of two names, by difflib's ratio, from which one may be meant by the other."""
UNNAMED = re.compile(r"(Unnamed: \d+)?")
"""The names that no column has, as pandas writes them."""


class Columns(NamedTuple):
    """Where the columns that are needed stand in the rows of a table."""

    positions: dict[str, int]
    """Position in a row, from 0, by name, in the order in which they are needed."""
    derived: bool
    """Whether they are the raw columns, of which the features are made, and not the features."""
    notes: list[str]


def plain(name: str) -> str:
    """Write a name without case, spaces, underscores and punctuation: `median_income` is `medianIncome`."""
    return "".join(filter(str.isalnum, name)).casefold()


def known_names(spec: DatasetSpec, new_rows: NewRows) -> set[str]:
    """Give the names, plain, of all columns that a data set knows: raw ones, features, and those that it ignores."""
    names = (*new_rows.columns, *new_rows.ignored, *new_rows.other_names, *spec.feature_names)
    return {plain(name) for name in names}


def find_columns(header: Sequence[str], spec: DatasetSpec, new_rows: NewRows, features: Sequence[str]) -> Columns:
    """Find the columns of which the features of a model are made.

    Other columns are ignored with a note, unless their name is nearly that of a column that is needed.

    Raises: ValueError "expected …, got …" for a header that lacks a column, has one twice or has such a name.
    """
    ways = [list(new_rows.columns), list(features)] if new_rows.derive else [list(features)]
    found = [_positions(header, needed, new_rows) for needed in ways]
    chosen = min(range(len(ways)), key=lambda way: len(ways[way]) - len(found[way]))  # the first of several
    needed, positions = ways[chosen], found[chosen]
    if not positions:
        raise ValueError(f"expected a header with the columns {', '.join(ways[0])}, got {shown(list(header))}")
    for column, where in positions.items():
        if len(where) > 1:
            got = " and ".join(repr(header[position]) for position in where)
            raise ValueError(f"expected one column {column}, got {got}; remove or rename one")
    used = {where[0] for where in positions.values()}
    others = [name for position, name in enumerate(header) if position not in used and not UNNAMED.fullmatch(name)]
    known = known_names(spec, new_rows)
    near = {name: _nearest(name, needed) for name in others if plain(name) not in known}
    if missing := [column for column in needed if column not in positions]:
        meant = [f"; is {name!r} {column}?" for column in missing for name in near if column in near[name]]
        expected = f"expected the columns {', '.join(needed)}"
        raise ValueError(f"{expected}, got none called {', '.join(missing)}{''.join(meant[:1])}")
    for name, columns in near.items():
        if columns:
            got = f"{name!r} beside {', '.join(repr(header[positions[column][0]]) for column in columns)}"
            raise ValueError(f"expected columns whose names differ more, got {got}; remove or rename {name!r}")
    derived = new_rows.derive is not None and chosen == 0
    notes = [] if derived or not new_rows.derive else [f"read the features {listed(needed)}; nothing is derived"]
    renamed = [f"{header[at]} as {column}" for column, (at,) in positions.items() if header[at] != column]
    notes += [f"read {', '.join(renamed)}"] if renamed else []
    return Columns({column: positions[column][0] for column in needed}, derived, notes + _ignored(header, used))


def _positions(header: Sequence[str], needed: Sequence[str], new_rows: NewRows) -> dict[str, list[int]]:
    """Give the positions of the columns that are there, by name."""
    names = {plain(other): column for other, column in new_rows.other_names.items() if column in needed}
    names |= {plain(column): column for column in needed}
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(header):
        if plain(name) in names:
            positions.setdefault(names[plain(name)], []).append(position)
    return positions


def _nearest(name: str, columns: Sequence[str]) -> list[str]:
    """Give the columns that the name may mean: none, the one that is most like it, or several that are so equally."""
    names = {plain(column): column for column in columns}
    close = get_close_matches(plain(name), names, n=len(names), cutoff=NEARLY)
    alike = {each: SequenceMatcher(None, each, plain(name)).ratio() for each in close}
    return [names[each] for each in names if each in alike and alike[each] == max(alike.values())]


def _ignored(header: Sequence[str], used: set[int]) -> list[str]:
    names = [
        f"number {position + 1}, which has no name" if UNNAMED.fullmatch(name) else name
        for position, name in enumerate(header)
        if position not in used
    ]
    if not names:
        return []
    return [f"ignored the column{'s' if len(names) > 1 else ''} {listed(names)}"]
