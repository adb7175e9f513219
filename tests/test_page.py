"""The report page as text; `tests/browser/test_page.py` opens it."""

import re
import string
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pages import history_of, reports_of, without

from stages import page as stage
from stages.compare import ANSWERS, COMPARISONS, LEADERBOARD
from stages.evaluate import TRAININGS
from stages.recipes.schema import Params
from stages.reporting import page, repeats
from stages.reporting.page import boards, charts
from stages.reporting.strings import LANGUAGES, read_strings, text
from stages.reporting.vega import Bundle

BUNDLE = Bundle("window.vegaEmbed = null;", "6", "6", "7", "1")
NAMES = ["best", "second", "plain"]
ODD = "</script><b>&\"'{{7*7}}"


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text beside."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attributes in self.found if (value := attributes.get(name))]


def missing(content: str) -> str:
    found = re.search(r'<section aria-labelledby="missing">(.*?)</section>', content, re.DOTALL)
    return found[1] if found else ""


def test_a_complete_run_misses_nothing() -> None:
    content = page.render(reports_of(NAMES, "plain"), BUNDLE)
    assert missing(content) == ""
    assert not re.search(r"\bnan\b|\bNone\b|undefined", content.split("<script", 1)[0])


def test_the_page_is_made_twice_with_the_same_bytes() -> None:
    assert page.render(reports_of(NAMES, "plain"), BUNDLE) == page.render(reports_of(NAMES, "plain"), BUNDLE)


def test_every_link_inside_the_page_has_its_place() -> None:
    elements = Elements(page.render(reports_of(NAMES, "plain"), BUNDLE))
    places = elements.values("id")
    assert len(places) == len(set(places))
    assert [link for link in elements.values("href") if link.removeprefix("#") not in places] == []


def test_the_page_names_no_other_place() -> None:
    elements = Elements(page.render(reports_of(NAMES, "plain"), BUNDLE))
    assert all(value.startswith(("#", "data:")) for name in ("href", "src") for value in elements.values(name))


def test_names_are_escaped_and_end_no_script() -> None:
    content = page.render(reports_of([*NAMES, ODD], "plain"), BUNDLE)
    plain = page.render(reports_of(NAMES, "plain"), BUNDLE)
    elements, before = Elements(content), Elements(plain)
    assert content.count("</script>") == plain.count("</script>")
    assert sum(tag == "b" for tag, _ in elements.found) == sum(tag == "b" for tag, _ in before.found) + 1
    assert f"variant-{ODD}" in elements.values("id")
    assert ODD in "".join(elements.words)


def test_a_script_that_would_end_its_element_is_refused() -> None:
    with pytest.raises(ValueError, match="</script"):
        page.script("'</SCRIPT>'")


def test_a_variant_whose_training_failed_has_a_card_that_says_so() -> None:
    content = page.render(without(reports_of(NAMES, "plain"), "second"), BUNDLE)
    assert 'id="variant-second"' in content
    said = missing(content)
    for key in ("no_model", "no_row", "no_history"):
        assert text("page", key, variant="second")["en"] in said
    assert text("page", "no_drawing", count=1)["en"] in said


def test_a_study_of_one_variant_that_was_not_compared_says_why() -> None:
    reports = reports_of(["only", "plain"], "plain")
    unmeasured: dict[str, Any] = {
        "difference": np.nan,
        "low": np.nan,
        "high": np.nan,
        "verdict": "not measured",
        "remark": "no rows",
    }
    tables = {**reports.tables, COMPARISONS: reports.tables[COMPARISONS].assign(**unmeasured)}
    content = page.render(replace(reports, tables=tables), BUNDLE)
    assert "only was not compared (no rows)" in missing(content)


def test_an_infinite_interval_is_no_number_on_the_page() -> None:
    reports = reports_of(NAMES, "plain")
    unlimited: dict[str, Any] = {"low": -np.inf, "high": np.inf, "verdict": "no interval"}
    tables = {**reports.tables, COMPARISONS: reports.tables[COMPARISONS].assign(**unlimited)}
    content = page.render(replace(reports, tables=tables), BUNDLE)
    assert "Infinity" not in content
    assert "no interval" in content


@pytest.mark.parametrize("column", ["test_log_loss", "test_accuracy", "test_accuracy_low"])
def test_a_metric_that_is_not_there_is_named(column: str) -> None:
    reports = reports_of(NAMES, "plain")
    tables = {**reports.tables, LEADERBOARD: reports.tables[LEADERBOARD].drop(columns=column)}
    said = missing(page.render(replace(reports, tables=tables), BUNDLE))
    assert ("best: no" in said) == (column != "test_accuracy_low")


def test_of_nothing_but_parameters_there_is_a_page_too() -> None:
    reports = reports_of(NAMES, "plain")
    nothing: dict[str, Any] = {name: {} for name in ("recipes", "summaries", "histories", "environment", "pictures")}
    nothing["tables"] = {path: pd.DataFrame(columns=stage.COLUMNS[path]) for path in reports.tables}
    nothing |= {each: getattr(reports, each)[:0] for each in ("confusion", "classes")}
    said = missing(page.render(replace(reports, **nothing), BUNDLE))
    assert text("page", "no_environment")["en"] in said
    assert "Does dropout help?: no answer" in said


def test_of_several_trainings_the_mean_goes_as_far_as_all_of_them() -> None:
    history = pd.concat([history_of(), history_of(0.2)[:2].assign(seed=43)])
    loss = charts.curves_of(history)["loss"]["validation"]
    assert loss == {"mean": [1.0, 0.6, None], "low": [0.9, 0.5, 0.4], "high": [1.1, 0.7, 0.4]}


def test_what_lies_far_off_does_not_squeeze_the_others() -> None:
    values = [0.90, 0.89, 0.88, 0.87, 0.10]
    rows = pd.DataFrame({"m": values, "m_low": [v - 0.01 for v in values], "m_high": [v + 0.01 for v in values]})
    *near, far = boards.bars_of(rows, "m")["rows"]
    assert far == {"off": "left"}
    assert near[0]["middle"] > 70
    assert near[3]["middle"] < 30


def tables_of(seeds: list[int]) -> dict[Path, pd.DataFrame]:
    reports = reports_of(NAMES, "plain")
    trainings = [reports.tables[TRAININGS].assign(seed=seed, test_accuracy=0.9) for seed in seeds]
    return {**reports.tables, TRAININGS: pd.concat(trainings)}


def keep(tables: dict[Path, pd.DataFrame], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    repeats.REPEATS.mkdir(parents=True)
    for path in repeats.KEPT:
        tables[path].to_csv(repeats.kept(path), index=False)


def test_what_several_seeds_say_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    several = tables_of([42, 43])
    keep({**several, ANSWERS: several[ANSWERS].assign(answer="confirmed")}, tmp_path, monkeypatch)
    found, remarks = stage.several_seeds(tables_of([42]))
    assert remarks == []
    content = page.render(replace(reports_of(NAMES, "plain"), several=found), BUNDLE)
    assert '<span class="badge confirmed">' in content
    assert "2 seeds, 42 to 43" in content


def test_several_seeds_of_other_trainings_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tables_of([42, 43]), tmp_path, monkeypatch)
    one = tables_of([42])
    one[TRAININGS]["test_accuracy"] = 0.8
    assert stage.several_seeds(one) == (None, [text("page", "stale_repeats")])


def test_without_several_seeds_the_page_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert stage.several_seeds(tables_of([42])) == (None, [text("page", "no_repeats")])
    assert stage.several_seeds(tables_of([42, 43])) == (None, [])


def leaves(strings: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(strings, str):
        yield path, strings
    else:
        for key, inner in strings.items():
            yield from leaves(inner, f"{path}.{key}")


def fields(content: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(content) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_there_in_every_language_with_the_same_fields(language: str) -> None:
    here = {path: said for path, said in leaves(read_strings(language)) if not path.startswith(".studies.")}
    english = dict(leaves(read_strings("en")))
    assert here.keys() == english.keys()
    assert [path for path, said in here.items() if fields(said) != fields(english[path])] == []
    assert [path for path, said in here.items() if not said.strip()] == []


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_question_and_every_claim_is_translated(language: str, params: Params) -> None:
    translated = read_strings(language)["studies"]
    assert translated.keys() == params.studies.keys()
    assert [name for name, said in translated.items() if said.keys() != {"question", "claim"}] == []


def test_a_text_that_nobody_wrote_is_told() -> None:
    with pytest.raises(KeyError, match=r"page\.nothing"):
        text("page", "nothing")
    assert text("metrics", "my_own_metric")["ko"] == "my_own_metric"
