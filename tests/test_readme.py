import io
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages import readme
from stages.artifacts.tables import COLUMNS, PUBLISHED
from stages.params.schema import parse_params
from stages.presentation import kept
from stages.presentation.determinism import COSTS, Cost
from stages.presentation.words import read_strings

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


@pytest.mark.parametrize("language", readme.READMES)
def test_the_tables_are_those_of_the_reports(language: str) -> None:
    text = text_of(readme.READMES[language])
    params = parse_params(YAML(typ="safe").load(text_of(Path("params.yaml"))))
    costs = readme.read_costs(committed)
    updated = readme.updated(text, *readme.read_tables(committed), params, costs, language)
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
    studies = pd.DataFrame(columns=COLUMNS[kept.ANSWERS])
    comparisons = pd.DataFrame(columns=COLUMNS[kept.COMPARISONS])
    cost = Cost("mine", "ours", ratio=1.3, low=1.2, high=1.4, same_work=True)
    tables = [readme.answers(studies, comparisons, comparisons, costs) for costs in ([], [cost])]
    assert [len(table.splitlines()) for table in tables] == [2, 3]


@pytest.mark.parametrize("language", readme.READMES)
def test_every_missed_value_has_its_reason(language: str) -> None:
    text = text_of(readme.READMES[language])
    block = re.search(r"<!-- published -->\n(.*?)<!-- /published -->", text, re.DOTALL)
    assert block is not None
    missed = re.findall(r"^\| `(\w+)` \|", block[1], re.MULTILINE)
    reasons = text[block.end() :].split("\n## ", 1)[0]
    assert [name for name in missed if f"`{name}`" not in reasons] == []


def test_each_readme_links_the_others_in_its_first_line() -> None:
    first = {language: text_of(path).partition("\n")[0] for language, path in readme.READMES.items()}
    for language, line in first.items():
        assert all(f"({path})" in line for other, path in readme.READMES.items() if other != language)


def test_a_stale_readme_fails_the_check_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "README.md"
    marks = [f"<!-- {name} -->\n<!-- /{name} -->\n" for name in readme.BLOCKS["en"]]
    stale.write_text("".join(marks), encoding="utf-8")
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(readme, "READMES", {"en": stale})
    with pytest.raises(SystemExit, match="stale"):
        readme.main(["--check"])
    assert stale.read_text(encoding="utf-8") == "".join(marks)
    readme.main([])
    readme.main(["--check"])


@pytest.fixture
def committed_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = (kept.ONE_SEED, kept.SEVERAL_SEEDS)
    tables = [kept.kept(path, folder) for path in kept.KEPT for folder in folders]
    for path in (Path("params.yaml"), COSTS, *readme.READMES.values(), *tables):
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


def test_a_missing_mark_is_told() -> None:
    with pytest.raises(ValueError, match="results"):
        readme.filled("no marks", {"results": "table"})


@pytest.mark.parametrize(
    ("intervals", "answer"),
    [
        ([(1.2, 1.4), (1.3, 1.5)], "confirmed"),
        ([(0.9, 1.05), (0.8, 1.09)], "refuted"),
        ([(0.9, 1.05), (1.2, 1.4)], "depends on the network"),
        ([(0.9, 1.05), (0.9, 1.2)], "not decided"),
        ([(1.05, 1.2), (1.2, 1.4)], "not decided"),
        ([], "not measured"),
    ],
)
def test_determinism_is_expensive_if_every_interval_says_so(intervals: list[tuple[float, float]], answer: str) -> None:
    costs = [Cost("mine", "ours", 1.1, low, high, same_work=True) for low, high in intervals]
    assert readme.cost_of_determinism(costs, "en")[2] == f"**{answer}**"
    others = [replace(cost, same_work=False) for cost in costs]
    assert readme.cost_of_determinism(others, "en")[2] == "**not measured**"


def test_a_claim_shows_what_was_claimed_and_what_one_seed_says_where_it_is_something_else() -> None:
    row = {
        "study": "it",
        "variant": "a",
        "baseline": "b",
        "metric": "mse",
        "difference": -0.5,
        "low": -1.0,
        "high": -0.1,
    }
    several = pd.DataFrame([row | {"verdict": "better", "expected": "worse"}])
    studies = pd.DataFrame([{"study": "it", "question": "Q?", "claim": "C", "documents": "A", "answer": "refuted"}])
    for alone, said in (("worse", "; one seed: worse"), ("better", ""), ("no interval", "")):
        text = readme.answers(studies, several, pd.DataFrame([row | {"verdict": alone}]), [])
        line = "`a` − `b`, MSE: −0.5000 (−1.0000 to −0.1000), **better** (claimed: worse"
        assert f"{line}{said}) |" in text


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
