"""Models on disk, the same bytes for the same model.

A `.keras` file as Keras writes it never repeats: it holds the date, the time of its zip entries, and memory addresses
as the identifiers of shared objects (Keras 3.15). None of that is needed to load it.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def save_model(model: keras.Model, path: Path) -> None:
    """Write the whole model (architecture, weights, optimizer) as a `.keras` file that repeats byte for byte."""
    model.save(path)
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as written, zipfile.ZipFile(path, "w") as canonical:
        for name in sorted(written.namelist()):
            content = written.read(name)
            if name == "metadata.json":
                content = _json({"keras_version": json.loads(content)["keras_version"]})
            elif name == "config.json":
                content = _json(_with_numbered_objects(json.loads(content), {}))
            canonical.writestr(zipfile.ZipInfo(name, date_time=_ZIP_EPOCH), content)


def _json(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True).encode()


def _with_numbered_objects(config: Any, numbers: dict[int, int]) -> Any:
    if isinstance(config, dict):
        numbered = {key: _with_numbered_objects(value, numbers) for key, value in config.items()}
        if "shared_object_id" in config:
            numbered["shared_object_id"] = numbers.setdefault(config["shared_object_id"], len(numbers) + 1)
        return numbered
    if isinstance(config, list):
        return [_with_numbered_objects(value, numbers) for value in config]
    return config
