"""The line that each question has in tables and in the picture of all effects."""

from math import inf, isnan, nan
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages.artifacts.tables import ANSWERS, COMPARISONS, PARTS
from stages.params.catalogue import VariantEntry
from stages.presentation.determinism import Cost
from stages.presentation.effects import Effect, compared_text, effects
from stages.presentation.words import LANGUAGES

VARIANTS = {name: VariantEntry("images", "scaled", f"{many} units") for name, many in (("new", "Many"), ("old", "Few"))}


def tables(parts: tuple[str, ...] = ("yes",), answer: dict[str, Any] | None = None, **row: Any) -> dict[Path, Any]:
    """Tables of a study of which the first comparison is given, with five seeds."""
    answered = {"study": "mine", "question": "Q?", "answer": "yes", "but": nan, "seeds_needed": nan, "minutes": nan}
    compared = {"study": "mine", "variant": "new", "baseline": "old", "metric": "accuracy", "worth": 0.005}
    compared |= {"difference": 0.0062, "low": 0.0021, "high": 0.0103, "verdict": "better"}
    compared |= {"seeds": 5, "ended": 5, "better_in": 5, "worse_in": 0, "diverged": 0, "baseline_diverged": 0}
    other = compared | {"variant": "other"}
    claims = [{"study": "mine", "part": number, "claim": f"Claim {number}"} for number in range(1, len(parts) + 1)]
    return {
        ANSWERS: pd.DataFrame([answered | (answer or {})]),
        PARTS: pd.DataFrame([claim | {"answer": part} for claim, part in zip(claims, parts, strict=True)]),
        COMPARISONS: pd.DataFrame([compared | row, other]),
    }


def effect(*parts: str, answer: dict[str, Any] | None = None, **row: Any) -> Effect:
    (found,) = effects(tables(parts or ("yes",), answer, **row), VARIANTS)
    return found


def test_a_question_has_the_number_of_its_first_comparison_in_points_and_by_titles() -> None:
    found = effect(answer={"but": "one rate"})
    assert found.amount == {"en": "+0.6 points (0.2 to 1.0)", "ko": "+0.6%p (0.2 ~ 1.0)"}
    assert [found.dataset, effect(variant="gone").dataset] == ["images", ""]
    assert found.compared == {"en": "Many units against Few units", "ko": "Few units 대비 Many units"}
    assert found.sureness["en"] == "better in 5 of 5 seeds"
    assert (found.caveat or {}).get("en") == "one rate"
    assert (found.value, found.low, found.high) == pytest.approx((1.24, 0.42, 2.06))


@pytest.mark.parametrize(
    ("metric", "difference", "half", "said"),
    [
        ("accuracy", -0.0201, 0.0057, "−2.0 points (−2.6 to −1.4)"),
        ("accuracy", -0.001, 0.003, "−0.1 points (−0.4 to +0.2)"),
        ("accuracy", 0.0001, 0.0002, "+0.01 points (−0.01 to +0.03)"),
        ("accuracy", -0.00001, 0.004, "0.0 points (−0.4 to +0.4)"),
        ("accuracy", 0.0316, inf, "+3.2 points"),
        ("roc_auc", -0.0418, 0.04, "ROC AUC −4.2 points (−8.2 to −0.2)"),
        ("accuracy_spread", -0.0021, 0.0003, "spread of accuracy over seeds 0.21 points lower (0.18 to 0.24)"),
        ("mse", -0.2375, 0.0536, "MSE 0.24 lower (0.18 to 0.29)"),
        ("mse", 0.0681, 0.0091, "MSE 0.068 higher (0.059 to 0.077)"),
        ("log_loss", 0.0004, 0.0105, "log loss 0.000 higher (0.010 lower to 0.011 higher)"),
        ("training_loss", 0.0, 0.0, "training loss 0.00 lower (0.00 to 0.00)"),
        ("mse", nan, nan, "–"),
    ],
)
def test_a_difference_has_as_many_digits_as_mean_something(
    metric: str, difference: float, half: float, said: str
) -> None:
    ends: dict[str, Any] = {"low": difference - half, "high": difference + half}
    assert effect(metric=metric, difference=difference, **ends).amount["en"] == said


def test_right_is_better_whatever_the_metric() -> None:
    error = effect(metric="mse", difference=-0.02, low=-0.03, high=-0.01, worth=0.01)
    assert (error.value, error.low, error.high) == pytest.approx((2, 1, 3))


def test_a_single_value_of_a_share_has_no_interval() -> None:
    found = effect(metric="near_zero_weights", difference=0.9, low=-1.0, high=1.0, verdict="no interval")
    assert found.amount["en"] == "share of weights near zero +90.0 points"
    assert (found.low, found.high) == (-inf, inf)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"verdict": "worse", "better_in": 1, "worse_in": 4}, "worse in 4 of 5 seeds"),
        ({"verdict": "open", "better_in": 3, "worse_in": 2}, "better in 3, worse in 2 of 5 seeds"),
        ({"verdict": "same"}, "surely less than 0.5 points"),
        ({"verdict": "same", "metric": "mse", "worth": 0.01}, "surely less than 0.01"),
        ({"metric": "near_zero_weights"}, "more in 5 of 5 seeds"),
        ({"verdict": "cannot be known"}, "too few test rows for any number of seeds"),
        ({"verdict": "not measured"}, "–"),
        (
            {"verdict": "worse", "seeds": 19, "ended": 12, "diverged": 7, "better_in": 0, "worse_in": 19},
            "diverges in 7 of 19 seeds; in the seeds where both finish, Many units: worse in 12 of 12 seeds",
        ),
        (
            {"seeds": 19, "ended": 11, "diverged": 1, "baseline_diverged": 8, "better_in": 18, "worse_in": 1},
            "diverges in 1 of 19 seeds, Few units diverges in 8 of 19 seeds; "
            "in the seeds where both finish, Many units: better in 11 of 11 seeds",
        ),
        (
            {"seeds": 5, "ended": 0, "baseline_diverged": 5, "difference": nan, "low": nan, "high": nan},
            "Few units diverges in 5 of 5 seeds",
        ),
    ],
)
def test_how_sure_it_is(row: dict[str, Any], said: str) -> None:
    assert effect(**row).sureness["en"] == said


@pytest.mark.parametrize(
    ("seeds", "needed", "minutes", "said"),
    [
        (5, 12, 8.6, "about 12 seeds would tell, 9 min more"),
        (5, 12, 0.2, "about 12 seeds would tell, 1 min more"),
        (5, 10_000, 3_000, "at least 10,000 seeds would tell, 50 h more"),
        (1, nan, nan, "one seed cannot tell"),
        (5, inf, inf, "more seeds alone would not tell"),
    ],
)
def test_an_open_question_says_what_would_decide_it(seeds: int, needed: float, minutes: float, said: str) -> None:
    answer = {"answer": "open", "seeds_needed": needed, "minutes": minutes}
    assert effect("open", answer=answer, seeds=seeds).sureness["en"] == said


@pytest.mark.parametrize(
    ("row", "by", "between"),
    [
        ({"difference": -0.0062, "low": -0.0103, "high": -0.0021}, "0.6 points", "0.2 to 1.0"),
        ({"metric": "mse", "difference": 0.02, "low": 0.01, "high": 0.03}, "0.020", "0.010 to 0.030"),
    ],
)
def test_a_difference_without_its_sign_if_it_surely_has_one(row: dict[str, Any], by: str, between: str) -> None:
    assert [each["en"] for each in effect(**row).by or ()] == [by, between]
    assert effect(**row | {"high": 0.04, "low": -0.04}).by is None
    assert effect(**row | {"high": inf, "low": -inf}).by is None


def test_the_parts_of_a_claim_have_answers_of_their_own() -> None:
    found = effect("yes", "no", "yes", answer={"answer": "in part"})
    assert found.short_answer == {"en": "In part (2 of 3)", "ko": "일부 (3개 중 2개)"}
    assert [(part.claim["en"], part.answer) for part in found.parts] == [
        ("Claim 1", "yes"),
        ("Claim 2", "no"),
        ("Claim 3", "yes"),
    ]
    assert effect("yes").parts == ()


def test_questions_stand_by_answer_and_the_largest_effects_first() -> None:
    rows = {"small": ("no", 0.01), "large": ("no", -0.3), "sure": ("yes", 0.001), "lost": ("no", nan)}
    content: dict[Path, Any] = {ANSWERS: [], PARTS: [], COMPARISONS: []}
    for name, (answer, difference) in rows.items():
        of_study = tables(answer={"study": name, "answer": answer}, study=name, difference=difference)
        for path, table in of_study.items():
            content[path].append(table.assign(study=name))
    cost = Cost("new", "ours", ratio=1.6, low=1.4, high=1.9, same_work=True)
    found = effects({path: pd.concat(each) for path, each in content.items()}, VARIANTS, [cost])
    assert [each.study for each in found] == ["sure", "cost-of-determinism", "large", "small", "lost"]
    assert isnan(found[-1].value)


@pytest.mark.parametrize(
    ("variant", "baseline", "said"),
    [
        ("SELU, scaled", "ELU, scaled", "SELU against ELU (scaled)"),
        ("SELU, scaled, deep", "ELU, scaled, deep", "SELU against ELU (scaled, deep)"),
        ("Deep, clipped by norm", "Deep, SGD", "Clipped by norm against SGD (Deep)"),
        ("Deep, two outputs", "Deep, two inputs, SGD", "Two outputs against two inputs, SGD (Deep)"),
        ("Deep, SGD", "Deep", "Deep, SGD against Deep"),
        ("Adam", "SGD, scaled", "Adam against SGD, scaled"),
    ],
)
def test_what_both_titles_begin_or_end_with_stands_once(variant: str, baseline: str, said: str) -> None:
    assert compared_text(*(dict.fromkeys(LANGUAGES, title) for title in (variant, baseline)))["en"] == said
