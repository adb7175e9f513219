"""The plot of effects, and the sentences that answer a question."""

from typing import Any

import numpy as np
import pytest

from stages.comparison.verdicts import Answer, Verdict
from stages.presentation.effect_plot import Place, blocks, claim_word, tally, what_it_does
from stages.presentation.effects import Effect, PartAnswer, unanswered
from stages.presentation.words import LANGUAGES, text
from stages.reporting.page.sentences import parts_sentence, sentence


def effect_of(study: str, **effect: Any) -> Effect:
    """An effect, by default surely better by 1.5 points of accuracy."""
    found: dict[str, Any] = {"metric": "accuracy", "verdict": Verdict.BETTER, "value": 3.0, "low": 2.0, "high": 4.0}
    found |= {"seeds": 5, "worth": 0.5, "answer": Answer.YES, "dataset": "images", **effect}
    keys = ("question", "short_answer", "compared", "amount", "size", "sureness")
    return Effect(**{"study": study, **{key: dict.fromkeys(LANGUAGES, key) for key in keys}, **found})


NOTHING: dict[str, Any] = {"value": np.nan, "low": np.nan, "high": np.nan}


def test_it_is_sorted_by_effect_with_accuracy_first_and_each_metric_and_data_set_on_a_scale_of_its_own() -> None:
    effects = [
        effect_of("none", **NOTHING, verdict=Verdict.NOT_MEASURED),
        effect_of("loss", metric="mse", worth=0.01),
        effect_of("bad", value=-8.0, low=-9.0, high=-7.0, verdict=Verdict.WORSE),
        effect_of("good"),
        effect_of("also", metric="mse", worth=0.01, value=-1.0, low=-1.0, high=-1.0),
        effect_of("elsewhere", dataset="more"),
        effect_of("same", value=0.0, low=-0.2, high=0.2, verdict=Verdict.SAME),
    ]
    accuracy, elsewhere, mse = blocks(effects)
    assert [row.study for row in accuracy.rows] == ["good", "same", "bad", "none"]
    assert [row.study for row in mse.rows] == ["loss", "also"]
    assert [end["en"] for end in accuracy.ends or ()] == ["−5", "+5"]
    assert [end["en"] for end in mse.ends or ()] == ["0.05 higher", "0.05 lower"]  # better is to the right
    assert [row.study for row in elsewhere.rows] == ["elsewhere"]
    assert [each.dataset for each in (accuracy, elsewhere, mse)] == ["images", "more", "images"]
    good, same, bad, none = (row.place for row in accuracy.rows)
    assert good == Place(65, 60, 10)
    assert same == Place(50, 49, 2)
    assert bad == Place(10, 5, 10)
    assert none is None
    assert accuracy.band == 5
    assert tally([accuracy, mse]) == [("helps", 3), ("hurts", 1), ("no difference", 1), ("not measured", 1)]


def test_an_outlier_does_not_squeeze_the_others_and_points_out_of_the_scale() -> None:
    effects = [effect_of(f"near_{number}") for number in range(12)]
    effects.append(effect_of("far", value=-150.0, low=-152.0, high=-148.0))
    effects.append(effect_of("wide", value=3.0, low=-9.0, high=15.0))
    (block,) = blocks([*effects, effect_of("broken", **NOTHING, diverged=1.0)])
    places = {row.study: row.place for row in block.rows}
    assert places["near_0"] == Place(87.5, 75, 25)
    assert places["far"] == Place(0, 0, 0, "left")
    assert places["wide"] == Place(87.5, 0, 100, cut="cut-left cut-right")
    assert places["broken"] == Place(0, 0, 0, broken=True)


@pytest.mark.parametrize(
    ("of", "does"),
    [
        ({"verdict": Verdict.BETTER}, "helps"),
        ({"verdict": Verdict.WORSE}, "hurts"),
        ({"verdict": Verdict.WORSE, "answer": Answer.YES}, "hurts"),  # as claimed
        ({"verdict": Verdict.BETTER, "answer": Answer.NO}, "helps"),
        ({"verdict": Verdict.BETTER, "metric": "mse"}, "helps"),
        ({"verdict": Verdict.BETTER, "metric": "near_zero_weights"}, "more"),
        ({"verdict": Verdict.SAME}, "no difference"),
        ({"verdict": Verdict.UNKNOWABLE}, "cannot be known"),
        ({"verdict": Verdict.OPEN}, "open"),
        ({"verdict": Verdict.BETTER, "seeds": 1}, "open"),  # of the models, not of the technique
        ({"verdict": Verdict.NOT_MEASURED, "seeds": 1}, "not measured"),
        ({"verdict": None, "metric": "", "answer": Answer.IN_PART}, "slower in part"),
    ],
)
def test_the_word_follows_from_the_verdict_and_not_from_the_claim(of: dict[str, Any], does: str) -> None:
    effect = effect_of("mine", **of)
    assert what_it_does(effect) == does
    text("does", does)
    assert sentence(effect)["en"].startswith(text("answered", effect.answer)["en"])


def both(said: str) -> dict[str, str]:
    return dict.fromkeys(LANGUAGES, said)


PARTS = tuple(
    PartAnswer(both(claim), answer)
    for claim, answer in (("It is better", Answer.YES), ("It is faster", Answer.NO), ("It is new", Answer.YES))
)


def test_a_sentence_answers_and_says_what_rises_or_falls_by_how_much() -> None:
    by = (both("1.5 points"), both("1.0 to 2.0"))
    effect = effect_of("dropout", answer=Answer.IN_PART, parts=PARTS, by=by)
    assert sentence(effect) == {
        "en": "In part: 2 of 3 claims hold. Dropout raises the accuracy by 1.5 points (1.0 to 2.0; sureness).",
        "ko": "일부만 그렇습니다. 주장 3개 중 2개가 맞습니다. "
        "드롭아웃: 정확도가 1.5 points 높아집니다(1.0 to 2.0, sureness).",
    }
    assert claim_word(effect)["en"] == "in part (2 of 3)"
    worse = effect_of("dropout", metric="mse", value=-3.0, verdict=Verdict.WORSE, by=by)
    assert sentence(worse)["en"] == "Yes. Dropout raises the MSE by 1.5 points (1.0 to 2.0; sureness)."
    assert sentence(effect_of("nobodys", metric="mse", by=by))["en"].startswith("Yes. compared lowers the MSE by")


def test_where_breaking_down_decides_a_sentence_says_so_first() -> None:
    """The mean of those that ended has an interval around 0, or there is none."""
    said = [sentence(effect_of("dropout", **of))["en"] for of in ({"low": -1.0}, NOTHING)]
    assert said == [
        "Yes. Dropout helps: sureness. The mean of those that finished: accuracy amount.",
        "Yes. Dropout: sureness.",
    ]


def test_a_second_sentence_tells_which_parts_hold_if_not_all_do() -> None:
    said = parts_sentence(effect_of("dropout", parts=PARTS))
    assert said
    assert said["en"] == "True: “It is better”, “It is new”. False, it is the opposite: “It is faster”."
    assert parts_sentence(effect_of("dropout", parts=PARTS[::2])) is None


def test_a_question_without_an_answer_stands_in_the_plot_and_says_so_once() -> None:
    effect = unanswered("mine", both("Is it?"))
    ((row,),) = (block.rows for block in blocks([effect]))
    assert (row.title["en"], row.does, row.place) == ("Is it?", "not measured", None)
    assert sentence(effect)["en"] == "Not measured."
