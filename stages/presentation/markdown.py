"""Tables in Markdown."""

from collections.abc import Sequence

from tabulate import DataRow, TableFormat, tabulate


def _separator(_: Sequence[int], alignments: Sequence[str]) -> str:
    return f"| {' | '.join('---:' if each == 'right' else '---' for each in alignments)} |"


_ROW = DataRow("|", "|", "|")
# Like tabulate's own `github`, but a row of dashes does not grow with the longest cell.
_FORMAT = TableFormat(
    lineabove=None,
    linebelowheader=_separator,
    linebetweenrows=None,
    linebelow=None,
    headerrow=_ROW,
    datarow=_ROW,
    padding=1,
    with_header_hide=None,
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table. Cells are written as they are: a `|` in one ends it."""
    return tabulate(rows, headers=head, tablefmt=_FORMAT, disable_numparse=True, stralign=None)
