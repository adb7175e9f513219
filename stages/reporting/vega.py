"""Vega, which draws charts in a browser, as PyPI's `vl-convert-python` carries it: scripts, versions and licence."""

from importlib import metadata
from typing import NamedTuple

import vl_convert

LICENCE = """\
Vega, Vega-Lite, vega-embed, vega-themes and vega-tooltip: Copyright (c) 2013-2025, University of Washington
Interactive Data Lab and their contributors. All rights reserved. BSD 3-Clause Licence: Redistribution and use in
source and binary forms, with or without modification, are permitted provided that the following conditions are met:
1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
disclaimer. 2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and
the following disclaimer in the documentation and/or other materials provided with the distribution. 3. Neither the
name of the copyright holder nor the names of its contributors may be used to endorse or promote products derived from
this software without specific prior written permission. THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND
CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING,
BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS
INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING
NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF
SUCH DAMAGE. With it: D3 and topojson-client (Copyright 2010-2025 Mike Bostock, ISC), delaunator (Copyright (c) 2021
Mapbox, ISC), semver (Copyright (c) Isaac Z. Schlueter and contributors, ISC), fast-json-patch, json-stringify-pretty-
compact and lodash.debounce (MIT)."""

VEGA_LITE = "6.4"
"""That of the Vega that the package carries."""


class Bundle(NamedTuple):
    """A script that leaves `vegaEmbed`, and what is in it."""

    script: str
    vega: str
    vega_lite: str
    package: str


def bundle() -> Bundle:
    """Make the script; nothing is downloaded."""
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    return Bundle(script, vl_convert.get_vega_version(), VEGA_LITE, metadata.version("vl-convert-python"))
