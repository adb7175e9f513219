"""`base:` of a variant: it declares only its differences from another variant, which has no base itself.

A key of the variant stands in place of the base's, with one exception: a mapping that names no class is merged into the
base's, so that one argument of one object can be changed.

    dropout_30:
      base: relu_100_adam
      epochs: 20                                   # in place of the base's
      optimizer: {learning_rate: 0.01}             # Adam still
      layers: {hidden: {units: 64}}                # the layers of the base, one of them with other units

`layers`, `metrics`, `callbacks` and a loss for each output are complete as soon as one of their members names a class.
An empty value takes a key away.
"""

from collections.abc import Mapping
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
                hint = " (it has a base of its own)" if given in variants and given != name else ""
                mistakes.append(unknown(f"variants.{name}.base", map(str, candidates), given) + hint)
        merged[name] = _merge_variant(base if isinstance(base, Mapping) else {}, own)
    return {**content, "variants": merged}, mistakes


def _has_base(variant: Any) -> bool:
    return isinstance(variant, Mapping) and variant.get("base") is not None


def _merge_variant(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    other_kind = {kind for kind in KINDS if any(own.get(each) is not None for each in KINDS if each != kind)}
    kept = {key: value for key, value in base.items() if key not in other_kind - own.keys() and key != "title"}
    merged = {**kept}
    for key, value in own.items():
        inherited = kept.get(key)
        several = key in COLLECTIONS or (key == "loss" and isinstance(inherited, Mapping) and "class" not in inherited)
        merged[key] = _merge(inherited, value, several)
    return {key: value for key, value in merged.items() if value is not None}


def _merge(base: Any, own: Any, several: bool = False) -> Any:
    if not (isinstance(base, Mapping) and isinstance(own, Mapping)):
        return own
    members = own.values() if several else [own]
    if any(isinstance(member, str) or (isinstance(member, Mapping) and "class" in member) for member in members):
        return own
    return {**base, **{key: _merge(base.get(key), value) for key, value in own.items()}}
