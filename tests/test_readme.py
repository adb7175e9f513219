import io
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages import readme
from stages.artifacts.tables import COLUMNS, PUBLISHED
from stages.comparison.verdicts import Answer
from stages.params.schema import parse_params
from stages.presentation import kept
from stages.presentation.determinism import COSTS, Cost
from stages.presentation.effects import Effect, PartAnswer, effect_of_determinism, effects
from stages.presentation.formats import abbreviated
from stages.presentation.words import LANGUAGES, read_strings

ROOT = Path(__file__).parents[1]


def committed(path: Path) -> str | None:
    """The file as the last commit has it: on another processor, a new run's reports may differ in the last digits."""
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("no Git checkout with a commit")
    shown = subprocess.run(["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, text=True, check=False)
    return None if shown.returncode else shown.stdout


def text_of(path: Path) -> str:
    text = committed(path)
    assert text is not None, f"{path} is not in the last commit"
    return text


@pytest.mark.parametrize("path", readme.PAGES, ids=str)
def test_the_tables_are_those_of_the_reports(path: Path) -> None:
    text = text_of(path)
    params = parse_params(YAML(typ="safe").load(text_of(Path("params.yaml"))))
    costs = readme.read_costs(committed)
    updated = readme.updated(text, readme.PAGES[path], *readme.read_tables(committed), params, costs)
    assert updated == text, "stale: run `python -m stages.readme` and commit"


def test_what_is_kept_of_several_seeds_belongs_to_what_is_kept_of_one() -> None:
    if committed(kept.kept(kept.TRAININGS)) is None:
        pytest.skip("nothing is kept")
    several, one = (
        {path: pd.read_csv(io.StringIO(text_of(kept.kept(path, folder)))) for path in kept.COMPARED}
        for folder in (kept.SEVERAL_SEEDS, kept.ONE_SEED)
    )
    assert kept.stale(several, one) == [], "see stages/keep.py"


def test_without_a_run_with_several_seeds_the_tables_of_one_serve() -> None:
    one, several = readme.read_tables(lambda path: None if path.parent == kept.SEVERAL_SEEDS else "study\nit\n")
    assert {path: table.to_dict() for path, table in several.items()} == {
        path: one[path].to_dict() for path in kept.KEPT
    }


def nothing(path: Path) -> None:
    """Reads no file, as if there was none."""


def test_without_a_run_with_one_seed_it_says_how_to_keep_one() -> None:
    with pytest.raises(ValueError, match=rf"expected {kept.ONE_SEED.as_posix()}/\w+\.csv, got none; .*stages\.keep"):
        readme.read_tables(nothing)


def test_without_the_benchmarks_there_is_no_claim_about_determinism() -> None:
    assert readme.read_costs(nothing) == []
    none = {path: pd.DataFrame(columns=COLUMNS[path]) for path in kept.COMPARED}
    cost = Cost("mine", "ours", ratio=1.3, low=1.2, high=1.4, same_work=True)
    tables = [readme.answers_in_full(effects(none, {}, costs)) for costs in ([], [cost])]
    assert [len(table.splitlines()) for table in tables] == [2, 3]


@pytest.mark.parametrize("path", [path for path, page in readme.PAGES.items() if "published" in page.blocks], ids=str)
def test_every_missed_value_has_its_reason(path: Path) -> None:
    text = text_of(path)
    block = re.search(r"<!-- published -->\n(.*?)<!-- /published -->", text, re.DOTALL)
    assert block is not None
    missed = re.findall(r"^\| `(\w+)` \|", block[1], re.MULTILINE)
    reasons = text[block.end() :].split("\n## ", 1)[0]
    assert [name for name in missed if f"`{name}`" not in reasons] == []


@pytest.mark.parametrize("pair", [("README.md", "README.ko.md"), ("docs/results.md", "docs/results.ko.md")])
def test_each_page_links_its_translation_in_the_first_line(pair: tuple[str, str]) -> None:
    for path, other in (pair, pair[::-1]):
        assert f"({Path(other).name})" in text_of(Path(path)).partition("\n")[0]


def test_a_stale_page_fails_the_check_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "page.md"
    page = readme.Page(
        "en", tuple(name for page in readme.PAGES.values() if page.language == "en" for name in page.blocks)
    )
    marks = [f"<!-- {name} -->\n<!-- /{name} -->\n" for name in page.blocks]
    stale.write_text("".join(marks), encoding="utf-8")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(readme, "PAGES", {stale: page})
    with pytest.raises(SystemExit, match="stale"):
        readme.main(["--check"])
    assert stale.read_text(encoding="utf-8") == "".join(marks)
    readme.main([])
    readme.main(["--check"])


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), ("no marks", "expected the marks <!-- results -->")]
)
def test_a_page_that_is_not_there_or_has_no_marks_is_named(
    content: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.md"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(readme, "PAGES", {path: readme.Page("en", ("results",))})
    with pytest.raises(SystemExit, match=f"^{path.as_posix()}: {said}"):
        readme.main([])


@pytest.fixture
def committed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = (kept.ONE_SEED, kept.SEVERAL_SEEDS)
    tables = [kept.kept(path, folder) for path in kept.KEPT for folder in folders]
    for path in (Path("params.yaml"), COSTS, *readme.PAGES, *tables):
        if (text := committed(path)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def change_a_training(path: Path, copy: Path) -> None:
    trainings = pd.read_csv(path)
    trainings.loc[trainings["variant"] == "elu", "test_accuracy"] += 0.1
    copy.parent.mkdir(parents=True, exist_ok=True)
    trainings.to_csv(copy, index=False)


@pytest.mark.usefixtures("committed_files")
def test_what_is_kept_of_a_run_with_other_trainings_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    readme.main(["--check"])
    assert capsys.readouterr().out == ""
    one, several = (kept.kept(kept.TRAININGS, folder) for folder in (kept.ONE_SEED, kept.SEVERAL_SEEDS))
    change_a_training(one, one)
    readme.main(["--check"])
    expected = f"{several}: expected the values of {one}, got others of elu; see stages/keep.py\n"
    assert capsys.readouterr().out == expected


@pytest.mark.usefixtures("committed_files")
def test_what_is_kept_of_another_run_than_the_workspace_s_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for path in kept.COMPARED:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(kept.kept(path, kept.ONE_SEED).read_bytes())
    readme.main(["--check"])
    assert capsys.readouterr().out == ""
    one = kept.kept(kept.TRAININGS, kept.ONE_SEED)
    change_a_training(one, kept.TRAININGS)
    readme.main(["--check"])
    expected = f"{one}: expected the values of {kept.TRAININGS}, got others of elu; see stages/keep.py\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("intervals", "answer", "sureness"),
    [
        ([(1.2, 1.4), (1.3, 1.5)], "**Yes**", "2 of 2 pairs, less in 0"),
        ([(0.9, 1.05), (0.8, 1.09)], "**No**", "0 of 2 pairs, less in 2"),
        ([(0.9, 1.05), (1.2, 1.4)], "**In part**", "1 of 2 pairs, less in 1"),
        ([(0.9, 1.05), (0.9, 1.2)], "**Open**", "0 of 2 pairs, less in 1"),
        ([], "**Not measured**", "–"),
    ],
)
def test_determinism_is_expensive_if_every_interval_says_so(
    intervals: list[tuple[float, float]], answer: str, sureness: str
) -> None:
    costs = [Cost("mine", "ours", 1.1, low, high, same_work=True) for low, high in intervals]
    line = readme.answers_in_full([effect_of_determinism(costs)]).splitlines()[2]
    assert answer in line
    assert sureness in line
    others = [replace(cost, same_work=False) for cost in costs]
    assert "**Not measured**" in readme.answers_in_full([effect_of_determinism(others)])


def test_a_question_is_a_line_without_code_names_with_the_parts_of_its_claim_by_answer() -> None:
    texts = {"question": "Q?", "short_answer": "In part (1 of 2)", "compared": "Many units against Few units"}
    texts |= {"amount": "+0.6 points (0.2 to 1.0)", "size": "", "sureness": "better in 5 of 5 seeds", "caveat": "but"}
    both: dict[str, Any] = {key: dict.fromkeys(LANGUAGES, said) for key, said in texts.items()}
    parts = [
        PartAnswer(dict.fromkeys(LANGUAGES, claim), answer) for claim, answer in (("A", Answer.NO), ("B", Answer.YES))
    ]
    effect = Effect(study="mine", answer=Answer.IN_PART, parts=tuple(parts), **both)
    line = readme.answers_in_full([effect]).splitlines()[2]
    assert [cell.strip() for cell in line.strip("|").split("|")] == [
        "Q?",
        "**In part** (1 of 2)<br>Yes: B<br>No: A",
        "+0.6 points (0.2 to 1.0)<br>Many units against Few units",
        "better in 5 of 5 seeds",
        "but",
    ]
    alike = replace(effect, parts=(parts[0], parts[0]))
    assert "<br>No" not in readme.answers_in_full([alike])
    assert readme.answers([effect]).splitlines()[2] == "| Q? | **In part** (1 of 2) | +0.6 points (0.2 to 1.0) |"


def test_a_leaderboard_says_which_trainings_diverged_and_what_a_training_costs() -> None:
    row = {"dataset": "housing", "split": "single", "epochs": 3, "parameters": 9, "trainings": 1}
    lost = row | {"variant": "lost", "test_mse": float("nan"), "diverged": 1.0, "multiply_adds": float("nan")}
    half = row | {"variant": "half", "test_mse": 0.4, "diverged": 0.37, "multiply_adds": 3.2e12}
    leaderboard = pd.DataFrame([half, lost]).assign(test_mse_low=0.3, test_mse_high=0.5)
    lines = readme.results(leaderboard).splitlines()
    assert "| 0.4000 (37 % diverged) |" in lines[-2]
    assert lines[-2].endswith("| 3.2 T |")
    assert "| diverged |" in lines[-1]


@pytest.mark.parametrize(
    ("count", "shown"), [(9.1e8, "910 M"), (3.84e10, "38 G"), (3.2e12, "3.2 T"), (999.0, "999"), (float("nan"), "")]
)
def test_large_counts_have_a_prefix(count: float, shown: str) -> None:
    assert abbreviated(count) == shown


def test_published_values_say_how_many_of_the_printed_ones_they_are() -> None:
    row = {"document": "B", "variant": "mine", "part": "validation", "metric": "accuracy", "result": "reproduced"}
    rows = pd.DataFrame([row | {"epoch": epoch} for epoch in (1, 2, float("nan"))])
    values = rows.assign(published=0.8, ours=0.8, std=float("nan"), seeds=1, tolerance=0.1, difference=0.0)
    text = readme.published(values, values, pd.DataFrame(columns=["variant", "split"]), read_strings("en"))
    assert "print 246 values of single epochs. 2 of them are among these; the other 244 are not compared" in text


def test_where_nothing_is_published_nothing_is_reproduced() -> None:
    none = pd.DataFrame(columns=COLUMNS[PUBLISHED])
    leaderboard = pd.DataFrame({"variant": ["mine"], "split": ["holdout"]})
    assert "| all | 0 |" in readme.published(none, none, leaderboard, read_strings("en"))


def test_values_that_one_run_missed_are_listed_with_both_results() -> None:
    keys = {"document": "B", "variant": "mine", "part": "validation", "metric": "accuracy", "epoch": float("nan")}
    found = {"published": 0.8, "tolerance": 0.01, "ours": 0.85, "std": float("nan"), "seeds": 1}
    one = pd.DataFrame([keys | found | {"result": "missed"}])
    several = pd.DataFrame([keys | found | {"ours": 0.81, "std": 0.005, "seeds": 5, "result": "reproduced"}])
    leaderboard = pd.DataFrame({"variant": ["mine"], "split": ["holdout"]})
    text = readme.published(one, several, leaderboard, read_strings("en"))
    assert "| B | 1 | 1 | 1 |" in text
    assert (
        "| `mine` | validation | accuracy |  | 0.8000 | 0.0100 | 0.8500 | missed | 0.8100 | 0.0050 | 5 | reproduced |"
        in text
    )
