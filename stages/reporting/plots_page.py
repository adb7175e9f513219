"""The page that `dvc plots show` and `dvc plots diff` fill in: `python -m stages.reporting.plots_page`.

DVC's own page loads Vega from the network; this one holds it, as PyPI's `vl-convert-python` carries it. Leaves
`.dvc/plots/page.html`, which `.dvc/config` names. Git holds it, since DVC fails where it is missing: run this again
after a change of `plots_page.html` or of that package.
"""

from importlib.metadata import version
from pathlib import Path

import vl_convert

PAGE = Path(".dvc/plots/page.html")
SOURCE = Path(__file__).with_suffix(".html")
LICENCES = Path(__file__).with_name("vega_licences.txt")
VEGA_LITE = "6.4"
"""That for Vega 6, which the package always bundles. It draws what is written for version 5, as DVC's templates are."""


def page() -> str:
    """Put the scripts into the page: HTML with the places that DVC fills in."""
    licences = LICENCES.read_text(encoding="utf-8").format(
        vega=vl_convert.get_vega_version(),
        vega_lite=VEGA_LITE,
        vega_embed=vl_convert.get_vega_embed_version(),
        package=version("vl-convert-python"),
    )
    scripts = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    vega = f"<!--\n{licences}-->\n<script>{scripts}</script>"
    return SOURCE.read_text(encoding="utf-8").replace("<!-- vega -->", vega)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"{PAGE}: {PAGE.stat().st_size:,} bytes")
