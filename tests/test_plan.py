"""More seeds until the questions are decided: blocks of seeds, what is trained next, and what is said."""

import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from projects import end_group, run, small_project, start, wait_until

from stages import plan
from stages.artifacts import PREDICTIONS
from stages.artifacts.tables import COLUMNS, COMPARISONS, PARTS
from stages.scheduling import seeds
from stages.scheduling.seeds import Block, blocks


def test_each_look_adds_a_block_of_seeds(tmp_path: Path) -> None:
    found = [(block.first, block.seeds, block.folder.name) for block in blocks(42, (5, 10, 20), tmp_path)]
    assert found == [(42, 5, "42-46"), (47, 5, "47-51"), (52, 10, "52-61")]


def comparison(variant: str, verdict: str, part: int = 1, **others: Any) -> dict[str, Any]:
    row = {"study": "it", "part": part, "variant": variant, "baseline": "b", "metric": "accuracy", "seeds": 5}
    return row | {"verdict": verdict, "expected": "better"} | others


def tables(*rows: dict[str, Any], **answers: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    parts = [
        {"study": "it", "part": number, "claim": f"claim {number}", "answer": answer, "seeds_needed": 12, "minutes": 7}
        for number, answer in enumerate(answers.values(), start=1)
    ]
    return pd.DataFrame(parts, columns=COLUMNS[PARTS]), pd.DataFrame(rows, columns=COLUMNS[COMPARISONS])


def test_only_variants_of_open_comparisons_in_open_parts_need_more_seeds() -> None:
    parts, comparisons = tables(
        comparison("undecided", "open"),
        comparison("decided", "better"),
        comparison("of a part that is answered", "open", part=2),
        comparison("beside the claim", "open", part=0),
        one="open",
        two="no",
    )
    assert plan.variants_of(plan.open_comparisons(parts, comparisons)) == {"undecided", "b"}


def test_a_plan_says_seeds_and_minutes_of_what_is_open_alone() -> None:
    parts, comparisons = tables(
        comparison("x", "open", seeds_needed=12, minutes=7), comparison("y", "better"), one="open", two="yes"
    )
    said = plan.plan(parts, comparisons, ["it"])
    assert said.splitlines() == [
        "it: claim 1: about 12 seeds, 7 min more on one core",
        "    x - b, accuracy: open with 5 seeds: about 12 seeds, 7 min more on one core",
    ]
    assert (
        plan.plan(parts[1:], comparisons, ["it"]) == plan.plan(parts, comparisons, []) == "no part of a claim is open"
    )


@dataclass
class Looked:
    """A run whose comparisons of `a` are open at the first look."""

    blocks: list[Block]
    recipes: dict[str, Any]
    kept: int = 0
    trained: list[tuple[int, list[str]]] = field(default_factory=list)

    def read(self) -> None:
        pass

    def keep(self) -> None:
        self.kept += 1

    def open_variants(self) -> set[str]:
        return {"a"} if len(self.trained) == 1 else set()


@pytest.mark.parametrize(
    ("late", "trained", "why"),
    [
        ([], [(42, ["a", "b"]), (47, ["a"])], "no part of a claim is open"),
        (["a"], [(42, ["a", "b"])], "1 variants are not trained yet; the same command goes on from here"),
    ],
)
def test_it_trains_what_is_open_and_keeps_every_look(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, late: list[str], trained: Any, why: str
) -> None:
    looked = Looked(blocks(42, (5, 10, 20), tmp_path), {"a": {}, "b": {}})

    def train(block: Block, recipes: dict[str, Any], jobs: int, deadline: float) -> list[str]:
        looked.trained.append((block.first, list(recipes)))
        return late

    monkeypatch.setattr(plan, "train", train)
    assert plan.until_decided(looked, {"a", "b"}, 2, 1.0) == why  # type: ignore[arg-type]
    assert looked.trained == trained
    assert looked.kept == len(trained)


@pytest.mark.slow
def test_more_seeds_are_killed_resumed_and_the_same_bytes(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    small_project(project)
    for command in ("configure", "download housing", "download thoracic", "normalize housing", "normalize thoracic"):
        done = run(project, "python", "-m", *f"stages.{command}".split(), DATA_MIRROR=str(tmp_path / "mirror"))
        assert done.returncode == 0, done.stdout
    command = ("python", "-m", "stages.plan", "--until-decided", "--jobs", "1")
    killed = start(project, *command)
    wait_until(lambda: list(project.glob(f"{seeds.SEEDS}/*/*/data/models/*/recipe.json")))
    end_group(killed)
    first = next(project.glob(f"{seeds.SEEDS}/*/*/data/models/*/recipe.json"))
    before = first.stat().st_mtime_ns
    done = run(project, *command)
    assert done.returncode == 0, done.stdout
    assert first.stat().st_mtime_ns == before
    comparisons = pd.read_csv(project / "reports/several_seeds/comparisons.csv")
    assert set(comparisons["looks"]) == {2}
    assert set(comparisons["seeds"]) <= {3, 5}
    assert 5 in set(comparisons["seeds"])  # some of these trainings of two epochs are open at first
    # The seeds of a block, trained together, are those of the workspace's run.
    assert run(project, "python", "-m", "stages.train", "deep_only").returncode == 0
    block = first.parents[3]
    own = PREDICTIONS.read("deep_only", lambda path: (project / path).read_bytes())
    of_block = PREDICTIONS.read("deep_only", lambda path: (block / path).read_bytes())
    assert np.array_equal(own["test"], of_block["test"][:1])
    # Another recipe is trained, and nothing else is.
    again = time.monotonic()
    shutil.rmtree(first.parent)
    done = run(project, *command)
    assert done.stdout.count("[1/1]") == 1, done.stdout
    assert time.monotonic() - again < 600
