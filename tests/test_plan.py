"""More seeds until the questions are decided: blocks of seeds, what is trained next, and what is said."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from projects import ROOT, end_group, run, small_project, start, wait_until

from stages import plan
from stages.artifacts import PREDICTIONS, TRAINED_RECIPE
from stages.artifacts.tables import COLUMNS, COMPARISONS, PARTS
from stages.comparison.criteria import Criteria
from stages.scheduling import seeds
from stages.scheduling.seeds import Block, blocks
from stages.training.recipe import Recipe


@pytest.fixture
def normalized(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data set with two splits, in a workspace with our code."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stages").symlink_to(ROOT / "stages")
    folder = tmp_path / "data/normalized/housing"
    splits: Any = {name: {"arrays": f"{name}-arrays", "parts": {"train": [0, 9]}} for name in ("single", "other")}
    for split in splits.values():
        (folder / split["arrays"]).mkdir(parents=True)
    (folder / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def _forget_hashes() -> None:
    seeds._hash_of_arrays.cache_clear()


RECIPE: Recipe = {"seed": 42, "seeds": 1, "dataset": "housing", "split": "single", "epochs": 2}


def test_each_look_adds_a_block_of_seeds(normalized: Path) -> None:
    found = blocks("it", RECIPE, (5, 10, 20))
    assert [(block.recipe["seed"], block.recipe["seeds"]) for block in found] == [(42, 5), (47, 5), (52, 10)]
    assert [block.folder.name for block in found] == ["42-46", "47-51", "52-61"]


def test_a_block_is_found_again_as_long_as_nothing_that_it_depends_on_changes(normalized: Path) -> None:
    def folder(recipe: Recipe = RECIPE) -> Path:
        seeds._hash_of_arrays.cache_clear()
        return blocks("it", recipe, (5,))[0].folder

    before = folder()
    (normalized / "other-arrays/y.npy").write_bytes(b"another split")
    assert folder() == before == folder({**RECIPE, "seeds": 5})
    assert folder({**RECIPE, "epochs": 3}) != before
    (normalized / "single-arrays/y.npy").write_bytes(b"its own")
    assert folder() != before


def complete(block: Block) -> None:
    path = block.folder / TRAINED_RECIPE.path(block.variant)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(block.recipe), encoding="utf-8")


def test_a_block_is_complete_once_its_recipe_lies_among_its_files(normalized: Path) -> None:
    block = blocks("it", RECIPE, (5,))[0]
    assert not block.complete
    path = block.folder / TRAINED_RECIPE.path("it")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**block.recipe, "seeds": 4}), encoding="utf-8")
    assert not block.complete
    path.write_text(json.dumps(block.recipe), encoding="utf-8")
    assert block.complete


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
    assert plan.open_comparisons(parts, comparisons)["variant"].tolist() == ["undecided"]


def test_where_each_comparison_is_decided_and_their_part_is_not_they_need_more_seeds() -> None:
    parts, comparisons = tables(
        comparison("told alone", "same", shared_verdict="open"),
        comparison("told together", "better", shared_verdict="better"),
        comparison("of an open comparison's part", "better", part=2, shared_verdict="open"),
        comparison("open", "open", part=2, shared_verdict="open"),
        one="open",
        two="open",
    )
    found = plan.open_comparisons(parts, comparisons)
    assert set(found["variant"]) == {"told alone", "open"}
    assert found.set_index("variant")["seeds_needed"]["told alone"] == 12  # those of the part


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

    blocks: dict[str, list[Block]]
    criteria: Criteria
    kept: int = 0
    trained: list[list[str]] = field(default_factory=list)

    def read(self) -> None:
        pass

    def keep(self) -> None:
        self.kept += 1

    def open_variants(self) -> list[str]:
        return ["a"] if len(self.trained) == 1 else []


@pytest.mark.parametrize(
    ("late", "trained", "why"),
    [
        (
            False,
            [["a 42-46", "b 42-46"], ["a 47-51"]],
            "no part of a claim is open that more seeds are expected to decide",
        ),
        (True, [["a 42-46", "b 42-46"]], "1 variants are not trained yet; the same command goes on from here"),
    ],
)
def test_it_trains_what_is_open_and_keeps_every_look(
    monkeypatch: pytest.MonkeyPatch, normalized: Path, late: bool, trained: list[list[str]], why: str
) -> None:
    looks = (5, 10, 20)
    of_each = {name: blocks(name, RECIPE, looks) for name in ("a", "b")}
    looked = Looked(of_each, Criteria(confidence=0.95, worth={}, looks=looks))

    def train(wanted: list[Block], jobs: int, deadline: float) -> list[Block]:
        looked.trained.append([f"{block.variant} {block.folder.name}" for block in wanted])
        for block in wanted:
            complete(block)
        return wanted[:1] if late else []

    monkeypatch.setattr(plan, "train", train)
    assert plan.until_decided(looked, {"a", "b"}, 2, 1.0) == why  # type: ignore[arg-type]
    assert looked.trained == trained
    assert looked.kept == len(trained)


def test_nothing_is_kept_before_every_variant_has_its_first_seeds(
    monkeypatch: pytest.MonkeyPatch, normalized: Path
) -> None:
    of_each = {name: blocks(name, RECIPE, (5, 10)) for name in ("a", "b")}
    looked = Looked(of_each, Criteria(confidence=0.95, worth={}, looks=(5, 10)))

    def train(wanted: list[Block], *_: float) -> list[Block]:
        for block in wanted:
            complete(block)
        return []

    monkeypatch.setattr(plan, "train", train)
    said = plan.until_decided(looked, {"a"}, 2, 1.0)  # type: ignore[arg-type]
    assert said.startswith("1 variants have no seeds yet, so nothing is kept")
    assert looked.kept == 0


@pytest.mark.slow
def test_more_seeds_are_killed_resumed_and_the_same_bytes(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    small_project(project)
    for stage in ("configure", "download housing", "download thoracic", "normalize housing", "normalize thoracic"):
        done = run(project, "python", "-m", *f"stages.{stage}".split(), DATA_MIRROR=str(tmp_path / "mirror"))
        assert done.returncode == 0, done.stdout
    command = ("python", "-m", "stages.plan", "--until-decided", "--jobs", "1")
    killed = start(project, *command)
    recipes = f"{seeds.SEEDS}/*/*/*/data/models/*/recipe.json"
    wait_until(lambda: list(project.glob(recipes)))
    end_group(killed)
    first = next(project.glob(recipes))
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
    (block,) = project.glob(f"{seeds.SEEDS}/deep_only/*/42-44")
    own, of_block = (dict(np.load(root / PREDICTIONS.path("deep_only"))) for root in (project, block))
    assert np.array_equal(own["test"], of_block["test"][:1])
    # What is gone is trained again, and nothing else.
    shutil.rmtree(first.parent)
    done = run(project, *command)
    assert done.stdout.count("[1/1]") == 1, done.stdout
