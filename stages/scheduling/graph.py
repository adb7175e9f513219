"""The graph of the stages: which depends on which, and how long each takes."""

import json
from pathlib import Path

from stages.params.messages import unknown
from stages.splits import NORMALIZED
from stages.training.recipe import layers_of

RECIPES = Path("data/recipes")
Graph = dict[str, set[str]]
"""The stages that each stage reads from, in the order in which `dvc repro` runs them: a stage after all of its own."""


def named(targets: list[str], graph: Graph) -> set[str]:
    """The stages of the targets, each a stage or a group; ValueError for an unknown one.

    Without targets, all of dvc.yaml as in `dvc repro`: not a `.dvc` file on which none of them depends.
    """
    groups = {stage: stage.partition("@")[0] for stage in graph}
    for target in targets:
        if target not in {*groups, *groups.values()}:
            raise ValueError(unknown("dvc.yaml", {*groups, *groups.values()}, target))
    if not targets:
        return {stage for stage in graph if ":" not in stage and not stage.endswith(".dvc")}
    return {stage for stage in graph if {stage, groups[stage]} & set(targets)}


def with_upstream(stages: set[str], graph: Graph) -> set[str]:
    """The stages and all that they depend on."""
    found = set(stages)
    for stage in reversed(graph):
        if stage in found:
            found |= graph[stage]
    return found


def with_downstream(stages: set[str], graph: Graph) -> set[str]:
    """The stages and all that depends on them."""
    found = set(stages)
    for stage, inputs in graph.items():
        if inputs & found:
            found.add(stage)
    return found


def estimate(stage: str, root: Path = Path()) -> float:
    """Estimate the seconds of a stage, for the order and the time left: an error costs time, and changes no result.

    For a training: rows × epochs × units of its layers, as measured on one core in 2026, within a factor of two;
    scikit-learn's cross-validation takes a minute per fold. Any other stage, or one without a recipe yet: ten seconds.
    """
    try:
        recipe = json.loads((root / RECIPES / f"{stage.partition('@')[2]}.json").read_text(encoding="utf-8"))
        splits = json.loads((root / NORMALIZED / recipe["dataset"] / "splits.json").read_text(encoding="utf-8"))
        split = splits[recipe["split"]]
        first, last = split["parts"]["train"]
    except (OSError, ValueError, KeyError):
        return 10
    if "graph" in recipe:
        units = recipe["graph"].get("hidden_layers", 0) * recipe["graph"].get("units", 0)
    else:
        units = sum(layer.get("units", 0) * layer.get("repeat", 1) for _, layer in layers_of(recipe))
    trainings = recipe["seeds"] * split.get("repeats", 1)
    once = (last - first) * recipe.get("epochs", 1) * (units or 100) * 5e-8 + 60 * recipe.get("cross_validation", 0)
    return 10 + trainings * once
