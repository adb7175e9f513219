from importlib import metadata
from pathlib import Path

import pytest
import vl_convert

from stages.memo import Memo
from stages.reporting import vega


def test_the_script_of_the_charts_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def javascript_bundle(_: str, vl_version: str) -> str:
        made.append(vl_version)
        return "script"

    monkeypatch.setattr(vl_convert, "javascript_bundle", javascript_bundle)
    memo = Memo(tmp_path)
    assert [vega.bundle(memo).script for _ in range(2)] == ["script", "script"]
    assert made == [vega.VEGA_LITE]
    monkeypatch.setattr(metadata, "version", lambda _: "0")
    vega.bundle(memo)
    vega.bundle()
    assert len(made) == 3
