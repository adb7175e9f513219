"""More seeds until the questions are decided: blocks of seeds, what is trained next, and what is said."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from projects import ROOT, end_group, run, small_project, start, wait_until

from stages import plan
from stages.artifacts import PREDICTIONS, TRAINED_RECIPE
from stages.artifacts.tables import ANSWERS, COLUMNS, COMPARISONS, LEADERBOARD, PARTS, PUBLISHED, TRAININGS
from stages.compare import write_tables
from stages.comparison.criteria import Criteria
from stages.presentation import kept
from stages.presentation.kept import SEVERAL_SEEDS
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
class Looked(plan.Run):
    """A run whose comparisons of `a` are open at the first look."""

    kept: int = 0
    trained: list[list[str]] = field(default_factory=list)

    def read(self) -> None:
        pass

    def keep(self, folder: Path = SEVERAL_SEEDS) -> None:
        self.kept += folder == SEVERAL_SEEDS

    def open_variants(self) -> list[str]:
        return ["a"] if len(self.trained) == 1 else []


def looked(least: Mapping[str, int]) -> Looked:
    looks = (5, 10, 20)
    recipes = dict.fromkeys(("a", "b"), RECIPE)
    of_looks = {name: blocks(name, RECIPE, looks) for name in recipes}
    return Looked(recipes, {}, Criteria(confidence=0.95, worth={}, looks=looks), of_looks, least=least)


@pytest.mark.parametrize(
    ("late", "least", "trained", "why"),
    [
        (
            False,
            {},
            [["a 42-46", "b 42-46"], ["a 47-51"]],
            "no part of a claim is open that more seeds are expected to decide",
        ),
        (
            False,
            {"a": 5, "b": 6},  # as many as are kept
            [["a 42-46", "b 42-46", "b 47-51"], ["a 47-51"]],
            "no part of a claim is open that more seeds are expected to decide",
        ),
        (True, {}, [["a 42-46", "b 42-46"]], "1 variants are not trained yet; the same command goes on from here"),
    ],
)
def test_it_trains_what_is_open_and_keeps_every_look(
    monkeypatch: pytest.MonkeyPatch,
    normalized: Path,
    late: bool,
    least: dict[str, int],
    trained: list[list[str]],
    why: str,
) -> None:
    ours = looked(least)

    def train(wanted: list[Block], jobs: int, deadline: float) -> list[Block]:
        ours.trained.append([f"{block.variant} {block.folder.name}" for block in wanted])
        for block in wanted:
            complete(block)
        return wanted[:1] if late else []

    monkeypatch.setattr(plan, "train", train)
    assert plan.until_decided(ours, 2, 1.0) == why
    assert ours.trained == trained
    assert ours.kept == len(trained)


def test_nothing_is_kept_before_every_variant_has_its_first_seeds(
    monkeypatch: pytest.MonkeyPatch, normalized: Path
) -> None:
    ours = looked({"b": 10})

    def train(wanted: list[Block], *_: float) -> list[Block]:
        for block in wanted[:-1]:
            complete(block)
        return wanted[-1:]

    monkeypatch.setattr(plan, "train", train)
    assert plan.until_decided(ours, 2, 1.0).startswith("1 variants lack their first seeds, so nothing is kept yet")
    assert ours.kept == 0


def test_a_study_that_is_kept_is_answered_with_as_many_seeds_at_least() -> None:
    _, comparisons = tables(
        comparison("x", "open"), comparison("y", "same", seeds=20), comparison("z", "open", study="another", seeds=100)
    )
    assert plan.most_seeds(comparisons, ["it"]) == {"x": 5, "y": 20, "b": 20}
    assert plan.most_seeds(comparisons, ["new"]) == {}


def test_a_study_of_variants_without_recipes_is_not_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path, text in {
        "documents/studies.yaml": "it: {question: why, claim: c, baseline: a, beside: [{variant: new}]}",
        "data/recipes/a.json": "{}",
        "data/criteria.json": '{"confidence": 0.95, "worth": {}, "looks": [5]}',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    with pytest.raises(
        SystemExit, match=r"^data/recipes/new\.json: expected a recipe, got none; run `dvc repro` first$"
    ):
        plan.main(["it", "--until-decided"])


Cells = dict[Path, pd.DataFrame]


def as_cells(tables: Mapping[Path, pd.DataFrame], folder: Path) -> Cells:
    """The tables as they are read from files."""
    write_tables(tables, lambda path: kept.kept(path, folder))
    return dict(kept.read_cells(folder))


def of_run(folder: Path, studies: Mapping[str, str], seeds: Mapping[str, int], scores: Mapping[str, float]) -> Cells:
    """The tables of a run. studies: their answers; scores: of a variant's first seed, each further one has 1 more."""
    keys = [{"study": study, "part": 1, "answer": answer} for study, answer in studies.items()]
    made = {path: pd.DataFrame(keys, columns=COLUMNS[path]) for path in (COMPARISONS, PARTS, ANSWERS)}
    trainings = [
        {"dataset": "housing", "variant": name, "split": 0, "seed": 42 + seed, "test_mse": scores[name] + seed}
        for name in sorted(seeds)
        for seed in range(seeds[name])
    ]
    ranked = [
        {"dataset": "housing", "variant": name, "trainings": seeds[name], "test_mse": scores[name]} for name in seeds
    ]
    values = [
        {"document": "A", "variant": name, "part": "test", "metric": "mse", "seeds": seeds[name], "epoch": epoch}
        for name in sorted(seeds, reverse=True)
        for epoch in (None, 1)
    ]
    made |= {TRAININGS: pd.DataFrame(trainings), LEADERBOARD: pd.DataFrame(ranked).sort_values("test_mse")}
    made[PUBLISHED] = pd.DataFrame(values, columns=COLUMNS[PUBLISHED]).astype({"epoch": "Int64"})
    folder.mkdir()
    return as_cells(made, folder)


SCORES = {"few": 3.0, "gone": 2.0, "many": 1 / 3, "new": 1.0, "other": 5.0}


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, float]], tuple[Cells, set[str]]]:
    """Puts a run of the studies `b` and `c` beside what is kept of `a`, `c`, `d` and of one that is gone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "documents").mkdir()
    values = [f"A,{name},test,mse,{epoch},1,1" for name in sorted(SCORES, reverse=True) for epoch in ("", "1")]
    text = "\n".join(["document,variant,part,metric,epoch,value,tolerance", *values])
    (tmp_path / "documents/published.csv").write_text(text, encoding="utf-8")

    def put(scores: Mapping[str, float]) -> tuple[Cells, set[str]]:
        answers = dict.fromkeys(("gone", "a", "c", "d"), "kept")
        before = of_run(tmp_path / "kept", answers, {"few": 2, "gone": 2, "many": 4, "other": 2}, SCORES)
        own = of_run(tmp_path / "own", dict.fromkeys(("b", "c"), "ran"), {"few": 3, "many": 3, "new": 3}, scores)
        tables, fresh = kept.beside_others(before, own, ["a", "b", "c", "d"], ["few", "many", "new", "other"])
        return dict(tables), fresh

    return put


def test_answers_join_those_of_other_studies_in_the_order_of_a_run_of_everything(beside: Any) -> None:
    found, fresh = beside(SCORES)
    for path in (COMPARISONS, PARTS, ANSWERS):
        assert found[path]["study"].tolist() == ["a", "b", "c", "d"]
    assert found[ANSWERS]["answer"].tolist() == ["kept", "ran", "ran", "kept"]
    assert fresh == {"few", "new"}
    assert found[TRAININGS].groupby("variant").size().to_dict() == {"few": 3, "many": 4, "new": 3, "other": 2}
    assert found[TRAININGS]["variant"].is_monotonic_increasing
    assert found[LEADERBOARD]["variant"].tolist() == ["many", "new", "few", "other"]
    assert found[PUBLISHED][["variant", "epoch", "seeds"]].to_numpy().tolist() == [
        [name, epoch, seeds]
        for name, seeds in (("other", "2"), ("new", "3"), ("many", "4"), ("few", "3"))
        for epoch in ("", "1")
    ]


@pytest.mark.parametrize("name", ["few", "many"])  # with more seeds than are kept, and with fewer
def test_trainings_that_are_not_those_that_are_kept_are_refused(beside: Any, name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"trainings\.csv: expected the values of .* got others of {name}: .* changed"
    ):
        beside({**SCORES, name: SCORES[name] + 1e-4})


@pytest.mark.catalogue
@pytest.mark.parametrize("study", ["activations", "best_rates", "thoracic_losses"])
def test_a_study_that_is_taken_out_and_joined_again_leaves_the_same_bytes(study: str, tmp_path: Path) -> None:
    folder = ROOT / SEVERAL_SEEDS
    whole = kept.read_cells(folder)
    in_study = whole[COMPARISONS]["study"] == study
    pairs = [
        {*rows["variant"], *rows["baseline"]} for rows in (whole[COMPARISONS][in_study], whole[COMPARISONS][~in_study])
    ]
    before, own = {}, {}
    for path, table in whole.items():
        if "study" in table:
            own[path], before[path] = table[table["study"] == study], table[table["study"] != study]
        else:
            alone = table["variant"].isin(pairs[0] - pairs[1])
            own[path], before[path] = table[table["variant"].isin(pairs[0])], table[~alone]
    assert sum(map(len, before.values())) < sum(map(len, whole.values()))
    studies, variants = whole[ANSWERS]["study"].tolist(), set(whole[TRAININGS]["variant"])
    as_cells(kept.beside_others(before, own, studies, variants)[0], tmp_path)
    for path in whole:
        assert kept.kept(path, tmp_path).read_bytes() == kept.kept(path, folder).read_bytes(), path


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
    # A study of its own leaves the tables of all as they are.
    kept_bytes = {path: path.read_bytes() for path in (project / "reports/several_seeds").iterdir()}
    done = run(project, *command, comparisons["study"][0])
    assert done.returncode == 0, done.stdout
    assert {path: path.read_bytes() for path in kept_bytes} == kept_bytes
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
