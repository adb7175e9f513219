"""The words for results: of one comparison, of a study's claim, and of a published value."""

from enum import StrEnum


class Verdict(StrEnum):
    """Result of one comparison, about the variant and not its baseline."""

    BETTER = "better"
    WORSE = "worse"
    WITHIN_NOISE = "within noise"
    NO_INTERVAL = "no interval"
    """A single value has no interval."""
    NOT_MEASURED = "not measured"


class Answer(StrEnum):
    """Result of a study."""

    CONFIRMED = "confirmed"
    """Every expected verdict occurred."""
    REFUTED = "refuted"
    """The opposite of an expected verdict occurred."""
    NOT_DECIDED = "not decided"
    NEEDS_SEVERAL_SEEDS = "needs several seeds"
    """The verdicts of one seed are about the trained models; with another seed they may be reversed."""
    DEPENDS_ON_THE_NET = "depends on the net"
    """The benchmark of determinism measured several networks, and some confirm the claim while others refute it.

    No study has this answer.
    """
    NOT_MEASURED = "not measured"
    """The benchmark of determinism has no measurements. No study has this answer."""


class Reproduction(StrEnum):
    """Whether a published value was reproduced."""

    REPRODUCED = "reproduced"
    MISSED = "missed"
    NOT_MEASURED = "not measured"


OPPOSITE = {Verdict.BETTER: Verdict.WORSE, Verdict.WORSE: Verdict.BETTER}
