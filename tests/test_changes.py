"""What a run changed since the one that is kept in Git: found, judged, summarized, and told at the head of the page."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pages import reports_of
from projects import parallel, small_project
from test_diff import ROWS, lay, lay_criteria, lay_data
from test_page import BUNDLE, Elements

from stages import compare, keep
from stages.artifacts.tables import CHANGES, TRAININGS
from stages.comparison.changes import Change, Changes
from stages.comparison.criteria import read_criteria
from stages.comparison.kept_run import packed, unpacked
from stages.comparison.leaderboard import summarize
from stages.comparison.trained import read_trained
from stages.comparison.verdicts import Verdict
from stages.presentation import plot_tables
from stages.presentation.kept import ONE_SEED
from stages.reporting import page
from stages.reporting.page.changes import other_results
from stages.revisions import Workspace

NAMES = ["best", "second", "plain"]
WORSE = Change(
    variant="best",
    keys={"epochs": (5, 3)},
    metric="accuracy",
    before=0.8866,
    after=0.8812,
    difference=-0.0054,
    low=-0.0102,
    high=-0.0006,
    verdict=Verdict.WORSE,
    seeds=1,
    curves={"loss": [0.9, 0.5], "val_loss": [0.9, 0.6], "accuracy": [0.7, 0.8], "val_accuracy": [0.6, 0.7]},
)


def lay_trainings(root: Path, **accuracies: float) -> None:
    rows = [{"dataset": "fashion_mnist", "variant": name, "split": 0} for name in accuracies]
    table = pd.DataFrame(rows).assign(seed=42, diverged=np.nan, test_accuracy=list(accuracies.values()))
    (root / TRAININGS).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(root / TRAININGS, index=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of three variants, which is kept."""
    monkeypatch.chdir(tmp_path)
    lay_data(tmp_path)
    lay_criteria(tmp_path)
    for name in ("one", "two", "gone"):
        lay(tmp_path, name, [300], epochs=5)
    lay_trainings(tmp_path, one=0.75, two=0.75, gone=0.75)
    ONE_SEED.mkdir(parents=True)
    for file, content in keep.read_run(Workspace()).items():
        (ONE_SEED / file).write_bytes(content)
    (ONE_SEED / TRAININGS.name).write_bytes(TRAININGS.read_bytes())
    return tmp_path


def found(*names: str) -> Changes:
    return compare.changes_since_kept({name: read_trained(name) for name in names}, read_criteria())


def test_without_a_change_there_is_nothing(project: Path) -> None:
    assert not found("one", "two", "gone")


def test_without_a_kept_run_there_is_nothing(project: Path) -> None:
    for path in ONE_SEED.iterdir():
        path.unlink()
    lay(project, "one", [200], epochs=3)
    assert not found("one", "two", "gone")


def test_a_change_is_judged_by_the_same_test_rows(project: Path) -> None:
    lay(project, "one", [200], epochs=3)
    lay(project, "new", [300], epochs=5)
    lay_trainings(project, one=0.5, two=0.76, new=0.75)
    changes = found("one", "two", "new")
    (change,) = changes.variants
    assert (change.variant, change.keys, change.metric) == ("one", {"epochs": (5, 3)}, "accuracy")
    assert (change.before, change.after, change.verdict) == (0.75, 0.5, "worse")
    assert change.low < change.difference == -0.25 < change.high < 0
    assert change.curves == {"loss": [0.5], "val_loss": [0.75]}
    assert (changes.added, changes.removed, changes.other_result) == (["new"], ["gone"], ["two"])
    assert Changes.from_json(changes.to_json()).to_json() == changes.to_json()


def test_another_seed_is_told_and_no_other_recipe(project: Path) -> None:
    for name in ("one", "two", "gone"):
        lay(project, name, [290], seeds=(43,), epochs=5, seed=43)
    changes = found("one", "two", "gone")
    assert (changes.variants, changes.other_result) == ([], ())
    assert changes.seeds == {"seed": (None, 43)}


def test_other_test_rows_are_not_compared(project: Path) -> None:
    lay(project, "one", [200], epochs=3)
    np.save(project / "data/normalized/fashion_mnist/holdout/y.npy", np.ones(3 * ROWS, np.int32))
    (change,) = found("one", "two", "gone").variants
    assert change.verdict == "not measured"
    assert change.note == "expected the test rows of the kept run in the split 'holdout', got others"


def test_what_is_kept_of_predictions_has_their_scores(project: Path) -> None:
    lay(project, "one", [170, 210], seeds=(42, 43))
    trained = read_trained("one")
    kept = unpacked(packed(trained), "fashion_mnist", trained.splits)
    assert kept.shape == (2, ROWS, 10)
    assert np.array_equal(replace(trained, predictions={"test": kept}).scores("accuracy"), trained.scores("accuracy"))


def test_the_summary_has_the_metric_of_what_changed() -> None:
    nothing = pd.DataFrame({"answer": [], "result": []})
    board = pd.DataFrame({"dataset": ["fashion_mnist"], "variant": "plain", "test_accuracy": 0.9})
    unknown = replace(WORSE, variant="second", after=float("nan"), difference=float("nan"), verdict=Verdict.OPEN)
    summary = summarize(board, nothing, nothing, Changes(variants=[WORSE, unknown]))
    assert summary["changed"] == {
        "best": {"accuracy": 0.8812, "difference": -0.0054, "verdict": "worse"},
        "second": {"verdict": "open"},
    }
    assert json.loads(json.dumps(summary)) == summary
    mine = summarize(board.assign(variant="mine"), nothing, nothing, Changes(added=["mine"]))
    assert mine["changed"] == {"mine": {"accuracy": 0.9}}
    assert "changed" not in summarize(board, nothing, nothing, Changes(removed=["mine"]))


def test_the_table_of_scores_has_settings_and_the_verdict_on_what_changed() -> None:
    rows = pd.DataFrame({"variant": ["best", "best", "second"], "part": ["validation", "test", "test"]})
    recipe = {"epochs": 3, "layers": {"hidden": {"units": 64}}}
    names = dict.fromkeys(("best", "second"), "accuracy")
    table = plot_tables.with_changes(rows, names, dict.fromkeys(names, recipe), Changes(variants=[WORSE]))
    assert table[plot_tables.CHANGE_COLUMNS].iloc[0].isna().all()
    settings = '{"epochs":3,"layers.hidden.units":64}'
    assert table.iloc[1, 2:].tolist() == ["accuracy", 100, settings, 0.8866, -0.0102, -0.0006, "worse"]
    assert table.iloc[2, 2:5].tolist() == ["accuracy", 100, settings]
    assert table.iloc[2, 5:].isna().all()


def head(changes: Changes, **others: object) -> str:
    names = [*NAMES, *(each.variant for each in changes.variants if each.variant not in NAMES)]
    reports = replace(reports_of(names, "plain"), changes=changes, **others)  # type: ignore[arg-type]
    content = page.render(reports, BUNDLE)
    start = content.find('<section class="changed"')
    return content[start : content.index("</section>", start)] if start >= 0 else ""


def test_the_page_says_at_its_head_what_changed_and_without_a_change_nothing() -> None:
    assert head(Changes()) == ""
    said = head(Changes(variants=[WORSE]), kept_answers={"dropout": "yes"})
    words = "".join(Elements(said).words)
    assert "best: epochs 5 → 3: accuracy −0.54 points, worse" in words
    assert "0.8866" in words
    assert "−1.02 to −0.06" in words
    assert '"best before","best"' in said.replace("&#34;", '"')
    assert Elements(said).values("href") == ["#changed", "#variant-best", "#study-dropout"]
    assert "With several seeds, before: Yes." in words


def test_many_variants_are_counted_sorted_and_folded() -> None:
    several = [replace(WORSE, variant=f"v{number}", difference=-0.01 * number) for number in range(20)]
    opened = replace(WORSE, variant="best", verdict=Verdict.OPEN, difference=-0.9)
    said = head(Changes(variants=[opened, *several]))
    words = "".join(Elements(said).words)
    assert "21 variants with other recipes: 20 worse, 1 open" in words
    assert "epochs: 5 → 3 21 variants" in words
    assert words.index("v19") < words.index("v18") < words.index("9 more variants")
    assert said.count("<figure") == 8


def test_another_result_with_the_same_recipe_is_no_change_but_a_note() -> None:
    changes = Changes(other_result=["plain"])
    assert head(changes) == ""
    (note,) = other_results(changes)
    assert note["en"].startswith("One variant has another result")
    assert other_results(Changes()) == []


@pytest.mark.slow
@pytest.mark.posix
def test_the_page_of_an_experiment_says_what_it_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    project.mkdir()
    small_project(project)
    mirror = {"DATA_MIRROR": str(tmp_path / "mirror")}
    assert parallel(project, **mirror).returncode == 0
    monkeypatch.chdir(project)
    index = project / "reports/index.html"
    keep.main([])
    assert parallel(project, **mirror).returncode == 0
    before = index.read_text(encoding="utf-8")
    assert '<section class="changed"' not in before
    assert "changed" not in json.loads((project / "reports/summary.json").read_text(encoding="utf-8"))
    params = (project / "params.yaml").read_text(encoding="utf-8")
    start, end = params.split("  deep_only:\n")
    changed = f"{start}  deep_only:\n{end.replace('epochs: 2', 'epochs: 3', 1)}"
    (project / "params.yaml").write_text(changed, encoding="utf-8")
    assert parallel(project, **mirror).returncode == 0
    after = index.read_text(encoding="utf-8")
    assert "3 variants with other recipes" in after
    assert "<code>epochs</code>: <s>2</s> → <b>3</b>" in after
    changes = Changes.from_json(CHANGES.read_text(encoding="utf-8"))
    based = {"deep_only", "wide_and_deep", "wide_and_deep_two_inputs"}
    assert {each.variant for each in changes.variants} == based
    assert all(each.keys == {"epochs": (2, 3)} for each in changes.variants)
    assert not replace(changes, variants=())
    summary = json.loads((project / "reports/summary.json").read_text(encoding="utf-8"))
    told = {name: set(each) for name, each in summary["changed"].items()}
    assert told == {name: {"mse", "difference", "verdict"} for name in based}
