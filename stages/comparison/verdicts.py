"""The words for results: of one comparison, of a study's claim and its parts, and of a published value."""

from enum import StrEnum


class Verdict(StrEnum):
    """Result of one comparison, about the variant and not its baseline."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    """The difference is certainly smaller than what is worth having."""
    OPEN = "open"
    """More seeds would tell."""
    UNKNOWABLE = "cannot be known"
    """These data have too few rows: no number of seeds would tell."""
    NO_INTERVAL = "no interval"
    """A single value has no interval."""
    NOT_MEASURED = "not measured"


class Answer(StrEnum):
    """Result of a study, and of each part of its claim."""

    YES = "yes"
    IN_PART = "in part"
    """Some of it holds, and some does not."""
    NO = "no"
    NO_DIFFERENCE = "no difference"
    """None that is worth having."""
    UNKNOWABLE = "cannot be known"
    OPEN = "open"
    """More seeds would tell. With one seed every claim is open: with another, its verdicts may be reversed."""
    NOT_MEASURED = "not measured"
    """What the claim compares was not measured."""


class Reproduction(StrEnum):
    """Whether a published value was reproduced."""

    REPRODUCED = "reproduced"
    MISSED = "missed"
    NOT_MEASURED = "not measured"
