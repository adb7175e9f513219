"""Template of the page of `dvc plots show` and `dvc plots diff`: `python -m stages.reporting.plots_page`.

DVC's own page loads Vega from the network; this one contains it, as bundled by PyPI's `vl-convert-python`. Writes
`.dvc/plots/page.html`, which `.dvc/config` names. It is committed to Git, since DVC fails without it: run this again
after a change of `plots_page.html` or of that package.
"""

import argparse
from pathlib import Path

from stages.reporting.vega import bundle

PAGE = Path(".dvc/plots/page.html")
SOURCE = Path(__file__).with_suffix(".html")


def page() -> str:
    """Give the page as HTML, with the script in it and the placeholders that DVC fills in."""
    made = bundle()
    vega = f"<!--\n{made.licenses}-->\n<script>{made.script}</script>"
    return SOURCE.read_text(encoding="utf-8").replace("<!-- vega -->", vega)


def main(arguments: list[str] | None = None) -> None:
    """Write the page."""
    argparse.ArgumentParser(
        prog="python -m stages.reporting.plots_page",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"{PAGE}: {PAGE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
