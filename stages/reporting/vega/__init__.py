"""Vega, which draws charts in a browser, as bundled by PyPI's `vl-convert-python`: script, versions and licenses."""

import hashlib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import vl_convert

from stages.memo import NOTHING, Memo

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


def bundle(memo: Memo = NOTHING) -> Bundle:
    """Make the script, unless it is kept; nothing is downloaded."""
    package, snippet = metadata.version("vl-convert-python"), "window.vegaEmbed = vegaEmbed;"
    key = hashlib.sha256(f"{package}\0{VEGA_LITE}\0{snippet}".encode()).hexdigest()
    script = memo.get(key)
    if script is None:
        script = vl_convert.javascript_bundle(snippet, vl_version=VEGA_LITE).encode()
        memo.put(key, script)
    return Bundle(
        script=script.decode(),
        vega=vl_convert.get_vega_version(),
        vega_lite=VEGA_LITE,
        vega_embed=vl_convert.get_vega_embed_version(),
        package=package,
    )
