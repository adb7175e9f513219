"""The progress of a training: a bar on a terminal, elsewhere a line every ten seconds at most."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stages import train
from stages.train import Progress
from stages.training import Epoch, Observer, Row

Show = Callable[..., list[str]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def epochs_of(training: str = "seed 42", epochs: int = 5) -> list[Epoch]:
    logs = {"loss": 0.5, "accuracy": 0.9, "val_loss": 0.25}
    return [Epoch(training, epoch, epochs, logs) for epoch in range(1, epochs + 1)]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the progress reads, alone in a list."""
    now = [100.0]
    monkeypatch.setattr("stages.train.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def show(clock: list[float], capsys: pytest.CaptureFixture[str]) -> Show:
    """Show epochs that take so many seconds each; the lines that were printed."""

    def shown(epochs: list[Epoch], seconds: float) -> list[str]:
        progress = Progress("relu_100 (3 of 76)")
        for epoch in epochs:
            clock[0] += seconds
            progress(epoch)
        progress.close()
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out.splitlines()

    return shown


def test_a_short_training_prints_no_line(show: Show) -> None:
    assert show(epochs_of(), 0.5) == []


def test_a_long_training_prints_the_epoch_the_losses_and_the_time_that_is_left(show: Show) -> None:
    assert show(epochs_of(), 12.0) == [
        f"relu_100 (3 of 76), seed 42: epoch {epoch} of 5, loss 0.5000 val_loss 0.2500, {12 * (5 - epoch)} s left"
        for epoch in range(1, 6)
    ]


def test_a_line_is_printed_every_ten_seconds_at_most(show: Show) -> None:
    printed = show(epochs_of(epochs=100), 0.5)
    assert [int(line.split("epoch ")[1].split()[0]) for line in printed] == [21, 42, 63, 84]


def test_short_trainings_print_a_line_every_ten_seconds_too(show: Show) -> None:
    printed = show([epoch for seed in range(10) for epoch in epochs_of(f"seed {seed}", 3)], 1.0)
    assert [line.partition(", loss")[0] for line in printed] == [
        "relu_100 (3 of 76), seed 3: epoch 2 of 3",
        "relu_100 (3 of 76), seed 7: epoch 1 of 3",
    ]
    assert [line.rpartition(", ")[2] for line in printed] == ["1 s left", "2 s left"]


def test_the_time_that_is_left_is_that_of_the_training(show: Show) -> None:
    # The first stops early, after two epochs of ten.
    printed = show([*epochs_of("split 0, seed 42", 10)[:2], *epochs_of("split 1, seed 42", 3)], 12.0)
    assert [line.partition(", loss")[0].removeprefix("relu_100 (3 of 76), ") for line in printed] == [
        "split 0, seed 42: epoch 1 of 10",
        "split 0, seed 42: epoch 2 of 10",
        *(f"split 1, seed 42: epoch {epoch} of 3" for epoch in (1, 2, 3)),
    ]
    assert [line.rpartition(", ")[2] for line in printed] == [f"{left} s left" for left in (108, 96, 24, 12, 0)]


def standard_error_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Call it in the test: before it starts, pytest sets the standard error to its own."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def test_on_a_terminal_there_is_a_bar_for_each_training_and_no_line(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = standard_error_on_a_terminal(monkeypatch)
    progress = Progress("relu_100 (3 of 76)")
    for epoch in [*epochs_of("seed 42"), *epochs_of("seed 43", 7)]:
        clock[0] += 12
        progress(epoch)
    progress.close()
    assert capsys.readouterr().out == ""
    *bars, end = [line.split("\r")[-1] for line in terminal.getvalue().split("\n")]
    assert end == ""
    for bar, title, count in zip(bars, ("seed 42", "seed 43"), ("5/5", "7/7"), strict=True):
        for part in (f"relu_100 (3 of 76), {title}: ", count, "loss=0.5000", "val_loss=0.2500"):
            assert part in bar
        assert "accuracy" not in bar


def test_of_a_training_without_epochs_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = standard_error_on_a_terminal(monkeypatch)
    Progress("sgd_classifier (3 of 76)").close()  # an estimator
    assert (capsys.readouterr().out, terminal.getvalue()) == ("", "")


def test_a_training_that_fails_leaves_its_bar_and_says_why_on_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = standard_error_on_a_terminal(monkeypatch)

    def fail(variant: str, observe: Observer, own_process: bool) -> list[Row]:
        observe(epochs_of()[0])
        raise ValueError("seed 42, epoch 2: expected a finite loss, got nan")

    monkeypatch.setattr(train, "train_variant", fail)
    with pytest.raises(SystemExit, match=r"^mine: seed 42, epoch 2: expected a finite loss, got nan$"):
        train.main(["mine"])
    assert terminal.getvalue().endswith("\n")
    assert "1/5" in terminal.getvalue()


def test_a_training_without_validation_rows_shows_the_loss_alone(show: Show) -> None:
    epochs = [each._replace(logs={"loss": 0.5, "accuracy": 0.9}) for each in epochs_of(epochs=1)]
    assert show(epochs, 12.0) == ["relu_100 (3 of 76), seed 42: epoch 1 of 1, loss 0.5000, 0 s left"]


def test_the_title_has_the_number_of_the_variant_in_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert train.title_of("mine") == "mine"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "catalogue.json").write_text(
        json.dumps({"variants": {"b": {}, "mine": {}, "a": {}}}), encoding="utf-8"
    )
    assert train.title_of("mine") == "mine (2 of 3)"
    assert train.title_of("a") == "a (3 of 3)"
    assert train.title_of("gone") == "gone"
