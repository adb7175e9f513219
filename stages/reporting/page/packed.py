"""Content of the page that the browser unpacks when it is needed."""

import base64
import json
from collections.abc import Mapping

import deflate

LEVEL = 12
"""The strongest that libdeflate has."""


def packed(content: bytes | str | Mapping[str, str]) -> str:
    """Deflate content, as `DecompressionStream("deflate")` of a browser reads it, in base64; a mapping as JSON."""
    if isinstance(content, Mapping):
        content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if isinstance(content, str):
        content = content.encode()
    return base64.b64encode(deflate.zlib_compress(content, LEVEL)).decode("ascii")
