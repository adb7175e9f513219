"""Checks that studies and published values name existing variants, metrics and documents."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from stages.documents import (
    DESCRIBED,
    PUBLISHED_VALUES,
    SOURCES,
    STUDIES,
    Described,
    Member,
    PublishedValue,
    Source,
    Study,
)
from stages.params.messages import unknown


def check_studies(
    studies: Mapping[str, Study],
    variants: Mapping[str, str],
    metrics_of: Callable[[str], Collection[str]],
    sources: Mapping[str, Source],
) -> None:
    """Check what the studies compare, as far as no data are needed.

    variants: the data set by variant; metrics_of: names of the metrics that fit a data set.
    Raises: ValueError with one line per mistake: file, place, what was expected and what came.
    """
    mistakes = []
    for name, study in studies.items():
        place = f"{STUDIES}, {name}"
        mistakes += [
            _unknown_document(f"{place}.documents[{index}]", sources, letter)
            for index, letter in enumerate(study.documents)
            if letter not in sources
        ]
        if study.baseline not in variants:
            mistakes.append(unknown(f"{place}.baseline", variants, study.baseline))
        for member_place, member in _places(study):
            mistakes += _mistakes_of_member(study, member, f"{place}.{member_place}", place, variants, metrics_of)
    if mistakes:
        raise ValueError("\n".join(dict.fromkeys(mistakes)))


def _places(study: Study) -> Iterator[tuple[str, Member]]:
    for number, part in enumerate(study.parts):
        yield from ((f"parts[{number}].members[{index}]", member) for index, member in enumerate(part.members))
    yield from ((f"beside[{index}]", member) for index, member in enumerate(study.beside))


def _mistakes_of_member(
    study: Study,
    member: Member,
    place: str,
    study_place: str,
    variants: Mapping[str, str],
    metrics_of: Callable[[str], Collection[str]],
) -> list[str]:
    baseline, mistakes = member.baseline or study.baseline, []
    if member.variant == baseline:
        mistakes.append(f"{place}.variant: expected another variant than its baseline, got {baseline!r}")
    if member.variant not in variants:
        mistakes.append(unknown(f"{place}.variant", variants, member.variant))
    if member.baseline is not None and member.baseline not in variants:
        mistakes.append(unknown(f"{place}.baseline", variants, member.baseline))
    if member.variant not in variants or baseline not in variants:
        return mistakes
    dataset, other = variants[member.variant], variants[baseline]
    if dataset != other:
        mistakes.append(f"{place}.variant: expected a variant of {other}, the baseline's data set, got {dataset!r}")
    metric = member.metric or study.metric
    if metric is not None and metric not in (known := metrics_of(dataset)):
        mistakes.append(unknown(f"{place if member.metric else study_place}.metric", known, metric))
    return mistakes


def check_described(
    described: Mapping[str, Described], variants: Collection[str], sources: Mapping[str, Source]
) -> None:
    """Check that what the documents describe is there. Raises: ValueError with one line per mistake."""
    mistakes = [unknown(f"{DESCRIBED}, {name}", variants, name) for name in described if name not in variants]
    for name, each in described.items():
        mistakes += [
            _unknown_document(f"{DESCRIBED}, {name}.documents[{index}]", sources, letter)
            for index, letter in enumerate(each.documents)
            if letter not in sources
        ]
    if mistakes:
        raise ValueError("\n".join(mistakes))


def check_published(
    published: Sequence[PublishedValue],
    variants: Collection[str],
    measured: Callable[[PublishedValue], Collection[str]],
    sources: Mapping[str, Source],
) -> None:
    """Check that something of the name of each published value is measured.

    measured: names of the metrics of the value's variant and part, for its epoch or the saved model; none if the
    variant has no such part.
    Raises: ValueError with one line per mistake: file, place, what was expected and what came.
    """
    mistakes = []
    for line, value in enumerate(published, start=2):
        place = f"{PUBLISHED_VALUES}, line {line}, "
        if value.document not in sources:
            mistakes.append(_unknown_document(f"{place}document", sources, value.document))
        if value.variant not in variants:
            mistakes.append(unknown(f"{place}variant", variants, value.variant))
        elif value.epoch is None and value.part == "training":
            mistakes.append(f"{place}epoch: expected an epoch beside training, got none")
        elif value.epoch is not None and value.part not in ("training", "validation"):
            mistakes.append(f"{place}epoch: expected none beside {value.part}, got {value.epoch}")
        elif not (known := measured(value)):
            model = (
                f"the saved model {value.variant}" if value.epoch is None else f"{value.variant} in epoch {value.epoch}"
            )
            mistakes.append(f"{place}part: expected a part with values of {model}, got {value.part!r}")
        elif value.metric not in known:
            mistakes.append(unknown(f"{place}metric", known, value.metric))
    if mistakes:
        raise ValueError("\n".join(mistakes))


def _unknown_document(place: str, sources: Mapping[str, Source], letter: str) -> str:
    return unknown(place, sources, letter) if sources else f"{place}: expected a key of {SOURCES}, got {letter!r}"
