"""`base:` of a variant: it declares only its differences from a block of `bases`, or from another variant.

A key of the variant stands in place of the base's, with one exception: a mapping that names no class is merged into the
base's, so that one argument of one object can be changed.

    dropout_40:
      base: dense_100_dropout
      epochs: 20                                   # in place of the base's
      optimizer: {learning_rate: 0.01}             # Adam still
      layers: {dropout: {rate: 0.4}}               # the layers of the base, one of them with another rate

`layers`, `metrics`, `callbacks` and a loss for each output are complete as soon as one of their members names a class;
`class_weight` always is. An empty value takes a key away. `title` and `dataset` are never inherited. A base has no base
itself, but for a variant that is based on a block of `bases`.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stages.params.messages import shown, unknown

COLLECTIONS = ("layers", "metrics", "callbacks")
KINDS = ("layers", "graph", "estimator")
"""A variant is one of them: one of its own stands in place of the base's, with the keys that are for that alone."""

Blocks = Mapping[str, Any]
"""Bases or variants by name, as they are in `params.yaml`."""


def inherit(content: Any) -> tuple[Any, list[str]]:
    """Complete the variants of `params.yaml` with what they have from their bases.

    Returns: the content, and a line per mistake.
    """
    bases, variants = blocks_of(content, "bases"), blocks_of(content, "variants")
    if not variants:
        return content, []
    mistakes = [
        f"bases.{name}: expected a name that no variant has, got {name!r}" for name in bases if name in variants
    ]
    merged = {}
    for name, own in variants.items():
        inherited: Mapping[str, Any] = {}
        if isinstance(own, Mapping) and (base := own.get("base")) is not None:
            known = [*bases, *(other for other in variants if other != name and _may_be_a_base(variants[other], bases))]
            if base in known:
                inherited = _complete(base, bases, variants)
            elif not isinstance(base, str):
                mistakes.append(f"variants.{name}.base: expected text, got {shown(base)}")
            else:
                hint = " (it is based on a variant itself)" if base in variants and base != name else ""
                mistakes.append(unknown(f"variants.{name}.base", map(str, known), base) + hint)
        merged[name] = _merge_variant(inherited, own) if isinstance(own, Mapping) else own
    return {**content, "variants": merged}, mistakes


def blocks_of(content: Any, section: str) -> Blocks:
    """Give a section of `params.yaml`; empty for what is none."""
    blocks = content.get(section) if isinstance(content, Mapping) else None
    return blocks if isinstance(blocks, Mapping) else {}


def _may_be_a_base(variant: Any, bases: Blocks) -> bool:
    return not isinstance(variant, Mapping) or variant.get("base") is None or variant["base"] in [*bases]


def _complete(name: str, bases: Blocks, variants: Blocks) -> Mapping[str, Any]:
    block = bases[name] if name in bases else variants[name]
    if not isinstance(block, Mapping) or name in bases or block.get("base") is None:
        return block if isinstance(block, Mapping) else {}
    inherited = bases[block["base"]]
    return _merge_variant(inherited if isinstance(inherited, Mapping) else {}, block)


def _merge_variant(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    kind = next((kind for kind in KINDS if own.get(kind) is not None), None)
    left_out = {"title", "dataset", *(_of_other_kinds(kind, base) if kind else ())} - own.keys()
    merged = {key: value for key, value in base.items() if key not in left_out}
    for key, value in own.items():
        if key == "class_weight":
            merged.pop(key, None)
        _put(
            merged, key, value, several=key in COLLECTIONS or (key == "loss" and _is_by_output(merged.get(key), value))
        )
    return merged


def _of_other_kinds(kind: str, base: Mapping[str, Any]) -> set[str]:
    """Name the keys that a variant of this kind does not have from a base of another kind."""
    if base.get(kind) is not None:
        return set()
    if kind == "estimator":
        return base.keys() - {"split"}
    others = {*KINDS, "cross_validation"} - {kind}
    return others | {"inputs", "loss_weights"} if kind == "layers" else others


def _is_by_output(base: Any, own: Any) -> bool:
    """Whether either loss is one for each output: mappings that name no class themselves, but objects or classes."""
    names_objects = isinstance(own, Mapping) and any(
        isinstance(each, Mapping) or (isinstance(each, str) and each[:1].isupper()) for each in own.values()
    )
    return names_objects or (isinstance(base, Mapping) and "class" not in base)


def _put(merged: dict[str, Any], key: str, value: Any, several: bool = False) -> None:
    if value is None and key in merged:
        del merged[key]
    else:
        merged[key] = _merge(merged.get(key), value, several)


def _merge(base: Any, own: Any, several: bool) -> Any:
    """Merge a value into the base's. several: it holds objects by name."""
    if not (isinstance(base, Mapping | str) and isinstance(own, Mapping)) or _is_complete(own, several):
        return own
    merged = {"class": base} if isinstance(base, str) else dict(base)
    for key, value in own.items():
        _put(merged, key, value)
    return merged


def _is_complete(own: Mapping[str, Any], several: bool) -> bool:
    return any(_names_a_class(member) for member in (own.values() if several else [own]))


def _names_a_class(member: Any) -> bool:
    """Whether it is an object with its class, or a block of layers with such an object."""
    if not isinstance(member, Mapping):
        return isinstance(member, str)
    layers = member.get("layers")
    return "class" in member or (isinstance(layers, Mapping) and any(map(_names_a_class, layers.values())))


def at_their_source(mistakes: Iterable[str], content: Any) -> list[str]:
    """Name the places of mistakes in a base there, once, and not in each variant that has it from the base.

    A mistake is the base's if that has it too, or all variants that have what is at the place from there.
    mistakes: lines that begin with their places; content: of `params.yaml`, not merged.
    """
    lines = dict.fromkeys(mistakes)
    bases, variants = blocks_of(content, "bases"), blocks_of(content, "variants")
    return list(dict.fromkeys(_at_its_source(line, lines, bases, variants) for line in lines))


def _at_its_source(line: str, lines: Collection[str], bases: Blocks, variants: Blocks) -> str:
    found = re.match(r"variants\.(\w+)\.([\w.]+)", line)
    base = _base_of(found[1], found[2], variants) if found else None
    if found is None or base is None:
        return line
    rest = line[found.end(1) :]
    if base in variants:
        theirs = f"variants.{base}{rest}"
        others = {each for each in lines if each != line}  # two bases may lead to each other
        return _at_its_source(theirs, others, bases, variants) if theirs in others else line
    heirs = [name for name in variants if _base_of(name, found[2], variants) == base]
    theirs = f"bases.{base}{rest}"
    return theirs if theirs in lines or all(f"variants.{heir}{rest}" in lines for heir in heirs) else line


def _base_of(variant: str, place: str, variants: Blocks) -> str | None:
    """Name the base from which the variant has what is at the place; None if it declares that itself."""
    own = variants.get(variant)
    base = own.get("base") if isinstance(own, Mapping) else None
    return base if isinstance(base, str) and not _declares(own, place.split(".")) else None


def _declares(own: Any, keys: list[str]) -> bool:
    """Whether the block itself has what is at the place, and not its base."""
    if keys[0] == "dataset":  # DVC needs it in the block itself
        return True
    value: Any = own
    for depth, key in enumerate(keys):
        if not isinstance(value, Mapping):
            return True
        if key not in value:
            return depth > 0 and _is_complete(value, several=depth == 1 and keys[0] in (*COLLECTIONS, "loss"))
        value = value[key]
    return True
