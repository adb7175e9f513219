"""`base:` of a variant: it declares only its differences from another variant, which has no base itself.

A key of the variant stands in place of the base's, with one exception: a mapping that names no class is merged into the
base's, so that one argument of one object can be changed.

    dropout_30:
      base: relu_100_adam
      epochs: 20                                   # in place of the base's
      optimizer: {learning_rate: 0.01}             # Adam still
      layers: {hidden: {units: 64}}                # the layers of the base, one of them with other units

`layers`, `metrics`, `callbacks` and a loss for each output are complete as soon as one of their members names a class.
An empty value takes away what the base has under that key.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from stages.params.messages import unknown

COLLECTIONS = ("layers", "metrics", "callbacks")
KINDS = ("layers", "graph", "estimator")
"""A variant is one of them: one of its own stands in place of the base's."""


def inherit(content: Any) -> tuple[Any, list[str]]:
    """Complete the variants of `params.yaml` with what they have from their bases.

    Returns: the content, and a line per mistake.
    """
    variants = content.get("variants") if isinstance(content, Mapping) else None
    if not isinstance(variants, Mapping):
        return content, []
    merged, mistakes = {}, []
    for name, own in variants.items():
        if not isinstance(own, Mapping):
            merged[name] = own
            continue
        base: Any = {}
        if (given := own.get("base")) is not None:
            candidates = [other for other, each in variants.items() if other != name and not _has_base(each)]
            base = variants[given] if given in candidates else {}
            if given not in candidates:
                has_base = isinstance(given, str) and _has_base(variants.get(given)) and given != name
                hint = " (it has a base of its own)" if has_base else ""
                mistakes.append(unknown(f"variants.{name}.base", map(str, candidates), given) + hint)
        merged[name] = _merge_variant(base if isinstance(base, Mapping) else {}, own)
    return {**content, "variants": merged}, mistakes


def _has_base(variant: Any) -> bool:
    return isinstance(variant, Mapping) and variant.get("base") is not None


def _merge_variant(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    other_kind = {kind for kind in KINDS if any(own.get(each) is not None for each in KINDS if each != kind)}
    merged = {key: value for key, value in base.items() if key not in other_kind - own.keys() and key != "title"}
    for key, value in own.items():
        _put(
            merged, key, value, several=key in COLLECTIONS or (key == "loss" and _is_by_output(merged.get(key), value))
        )
    return merged


def _is_by_output(base: Any, own: Any) -> bool:
    """Whether either loss is one for each output: mappings that name no class themselves, but objects."""
    names_objects = isinstance(own, Mapping) and any(isinstance(each, Mapping) for each in own.values())
    return names_objects or (isinstance(base, Mapping) and "class" not in base)


def _put(merged: dict[str, Any], key: str, value: Any, several: bool = False) -> None:
    if value is None and key in merged:
        del merged[key]
    else:
        merged[key] = _merge(merged.get(key), value, several)


def _merge(base: Any, own: Any, several: bool) -> Any:
    """Merge a value into the base's. several: it holds objects by name."""
    if not (isinstance(base, Mapping | str) and isinstance(own, Mapping)):
        return own
    members = own.values() if several else [own]
    if any(isinstance(member, str) or (isinstance(member, Mapping) and "class" in member) for member in members):
        return own
    merged = {"class": base} if isinstance(base, str) else dict(base)
    for key, value in own.items():
        _put(merged, key, value)
    return merged


def bases_of(content: Any) -> dict[str, Any]:
    """Give the base of each variant, None where it has none. content: as `inherit` gives it."""
    variants = content.get("variants") if isinstance(content, Mapping) else None
    if not isinstance(variants, Mapping):
        return {}
    return {name: each.get("base") if isinstance(each, Mapping) else None for name, each in variants.items()}


def told_once(mistakes: Iterable[str], bases: Mapping[str, Any]) -> list[str]:
    """Leave out the mistakes that a variant has from its base, where they are told, too.

    mistakes: lines that begin with their places; bases: the base by variant, if it has one.
    """
    lines = dict.fromkeys(mistakes)
    kept = []
    for line in lines:
        name = re.match(r"variants\.(\w+)(?=[.:\[])", line)
        base = bases.get(name[1]) if name else None
        is_one = isinstance(base, str) and bases.get(base) is None
        if not (name and is_one and f"variants.{base}{line[name.end() :]}" in lines):
            kept.append(line)
    return kept
