"""Tables in Markdown."""

from collections.abc import Collection, Sequence

from tabulate import DataRow, TableFormat, tabulate

ROW = DataRow("|", "|", "|")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Collection[int] = ()) -> str:
    """Format a Markdown table. Cells are written as they are: a `|` in one ends it.

    numbers: positions of the columns that are aligned on the right.
    """

    def separator(widths: Sequence[int], _: Sequence[str]) -> str:
        dashes = ["---:" if column in numbers else "---" for column in range(len(widths))]
        return f"| {' | '.join(dashes)} |"

    # Unlike tabulate's own `github` format, a line of dashes that does not grow with the longest cell.
    style = TableFormat(
        lineabove=None,
        linebelowheader=separator,
        linebetweenrows=None,
        linebelow=None,
        headerrow=ROW,
        datarow=ROW,
        padding=1,
        with_header_hide=None,
    )
    return tabulate(rows, headers=head, tablefmt=style, disable_numparse=True, stralign=None)
