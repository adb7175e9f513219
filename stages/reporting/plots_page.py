"""The page that `dvc plots show` and `dvc plots diff` fill in: `python -m stages.reporting.plots_page`.

DVC's own page loads Vega from the network; this one holds it, as PyPI's `vl-convert-python` carries it. Leaves
`.dvc/plots/page.html`, which `.dvc/config` names. Git holds it, since DVC fails where it is missing: run this again
after a change of `plots_page.html` or of that package.
"""

from pathlib import Path

from stages.reporting.vega import bundle

PAGE = Path(".dvc/plots/page.html")
SOURCE = Path(__file__).with_suffix(".html")


def page() -> str:
    """Put the script into the page: HTML with the places that DVC fills in."""
    made = bundle()
    vega = f"<!--\n{made.licences}-->\n<script>{made.script}</script>"
    return SOURCE.read_text(encoding="utf-8").replace("<!-- vega -->", vega)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"{PAGE}: {PAGE.stat().st_size:,} bytes")
