"""A training on a graphics card. There is none here: what is held is what TensorFlow is told, and what is refused."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stages.environment import environment
from stages.params.overrides import recipe
from stages.params.schema import parse_params, read_params
from stages.params.yaml_file import read_yaml
from stages.training import device, import_tensorflow
from stages.training.recipe import Recipe

pytestmark = pytest.mark.posix
ROOT = Path(__file__).resolve().parents[1]


def with_device(at_top: str, variant: str | None, name: str = "relu_100") -> Recipe:
    content: Any = read_yaml(ROOT / "params.yaml")
    content["device"] = at_top
    if variant:
        content["variants"][name]["device"] = variant
    params = parse_params(content)
    return recipe(params, params.variants[name], f"variants.{name}")


def test_a_recipe_for_the_processor_names_no_device() -> None:
    params = read_params(ROOT / "params.yaml")
    assert params.device == "cpu"
    assert "device" not in with_device("cpu", None)
    assert "device" not in with_device("gpu", "cpu")
    assert with_device("gpu", None)["device"] == with_device("cpu", "gpu")["device"] == "gpu"
    assert "device" not in with_device("gpu", None, "sgd_classifier")  # scikit-learn's


@pytest.mark.bad_input("params.yaml", "a device that is none")
def test_another_device_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^device: expected one of 'cpu' or 'gpu', got 'cuda'$"):
        with_device("cuda", None)


class Cards:
    """TensorFlow's configuration of a machine with cards."""

    def __init__(self, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cards, self.told = [f"card {number}" for number in range(count)], dict[str, Any]()
        tell = {
            "list_physical_devices": lambda _: self.cards,
            "set_visible_devices": lambda devices, kind: self.told.update({kind: devices}),
            "experimental": SimpleNamespace(
                set_memory_growth=lambda card, value: self.told.update({card: value}),
                enable_tensor_float_32_execution=lambda value: self.told.update(tf32=value),
            ),
        }
        monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(config=SimpleNamespace(**tell)))


def test_a_training_has_a_card_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "LOCKS", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    one, other = (Cards(2, monkeypatch) for _ in range(2))
    with device.on(device.GPU):
        assert other.told == {"GPU": ["card 0"], "card 0": True, "tf32": False}
        other.told.clear()
        with device.on(device.GPU):
            assert other.told["GPU"] == ["card 1"]
            monkeypatch.setattr(device, "sleep", lambda _: pytest.fail("it waits for a card"))
            with pytest.raises(pytest.fail.Exception, match="waits"), device.on(device.GPU):
                pass
    assert one.told == {}


def test_cards_that_the_user_names_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    monkeypatch.setattr(device, "LOCKS", tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-5f/a,3")
    Cards(2, monkeypatch)
    path = tmp_path / "training-on-card-GPU-5f_a.lock"
    with device.on(device.GPU), path.open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.bad_input("stages.train", "a GPU where there is none")
def test_a_card_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Cards(0, monkeypatch)
    refused = pytest.raises(ValueError, match=r"^device: expected a graphics card that TensorFlow sees, got none")
    with refused, device.on(device.GPU):
        pass


def test_cards_are_hidden_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    told: list[Any] = []
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *devices: told.append(devices))
    monkeypatch.setenv("XLA_FLAGS", "")
    import_tensorflow()
    assert told == [([], "GPU")]
    assert not {*device.FLAGS[device.GPU]} & {*os.environ["XLA_FLAGS"].split()}
    import_tensorflow(*device.FLAGS[device.GPU])
    assert {*device.FLAGS[device.GPU]} <= {*os.environ["XLA_FLAGS"].split()}


def test_the_card_and_its_driver_are_part_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cards" not in environment()
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100, 570.1, 9.0'\necho 'NVIDIA H100, 570.1, 9.0'\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert environment()["cards"] == ["NVIDIA H100, driver 570.1, compute capability 9.0"]
