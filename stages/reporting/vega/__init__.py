"""Vega, which draws charts in a browser, as bundled by PyPI's `vl-convert-python`: script, versions and licenses."""

from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import vl_convert

VEGA_LITE = "6.4"
"""The version for Vega 6, which the package always bundles. It also draws specs of version 5, as DVC's templates."""


class Bundle(NamedTuple):
    """A script that defines `vegaEmbed`, with the versions and the licenses of its parts."""

    script: str
    vega: str
    vega_lite: str
    vega_embed: str
    package: str

    @property
    def licenses(self) -> str:
        """Text that the licenses require beside every copy of the script, for an HTML comment.

        Raises: ValueError if the text would end the comment.
        """
        text = Path(__file__).with_name("licenses.txt").read_text(encoding="utf-8")
        said = text.format(**{name: value for name, value in self._asdict().items() if name != "script"})
        if "--" in said or said.startswith((">", "->")):
            raise ValueError("licenses.txt: expected a text that ends no comment of HTML, got one with -- or > first")
        return said


def bundle() -> Bundle:
    """Make the script; nothing is downloaded."""
    return Bundle(
        script=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE),
        vega=vl_convert.get_vega_version(),
        vega_lite=VEGA_LITE,
        vega_embed=vl_convert.get_vega_embed_version(),
        package=metadata.version("vl-convert-python"),
    )
