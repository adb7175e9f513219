"""The sentences that answer a question on the report page."""

from math import isnan

from stages.comparison.scores import LESS_IS_BETTER
from stages.comparison.verdicts import Answer
from stages.presentation.effect_plot import what_it_does
from stages.presentation.effects import Effect
from stages.presentation.words import Text, joined, technique_text, text


def sentence(effect: Effect) -> Text:
    """Answer a question in words: the answer, how many parts of the claim hold, and what the first comparison says."""
    answers = [part.answer for part in effect.parts]
    counted = effect.answer == Answer.IN_PART and answers
    yes = answers.count(Answer.YES)
    answered = text("answered", "of_parts" if counted else effect.answer, yes=yes, parts=len(answers), count=yes)
    return answered if effect.answer == Answer.NOT_MEASURED else joined([answered, _said(effect)], " ")


def _said(effect: Effect) -> Text:
    """What the first comparison says."""
    does, metric = what_it_does(effect), text("metrics", effect.metric)
    fields = {"technique": technique_text(effect.study, effect.compared), "sureness": effect.sureness}
    if does in ("helps", "hurts", "more", "less") and effect.by:
        by, between = effect.by
        rises = (effect.value > 0) != (effect.metric in LESS_IS_BETTER)
        return text("sentences", "raises" if rises else "lowers", **fields, metric=metric, by=by, between=between)
    amount = effect.amount
    if effect.metric == "accuracy":
        amount = text("effects", "of_metric", metric=metric, size=amount)
    key = "none ended" if does in ("helps", "hurts") and isnan(effect.value) else does
    return text("sentences", key, **fields, amount=amount)


def parts_sentence(effect: Effect) -> Text | None:
    """Tell which parts of a claim hold and which do not; None if it is the same with all."""
    answers = [answer for answer in Answer if any(part.answer == answer for part in effect.parts)]
    if len(answers) < 2:
        return None
    said = []
    for answer in answers:
        claims = [text("page", "quoted", text=part.claim) for part in effect.parts if part.answer == answer]
        said.append(text("parts_answered", answer, parts=joined(claims, ", ")))
    return joined(said, " ")
