"""Reports that are small enough for a test, with all that the page shows or misses."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import ANSWERS, COLUMNS, COMPARISONS, LEADERBOARD, PARTS, PUBLISHED, TRAININGS
from stages.documents import Described, Source, Study
from stages.params.catalogue import Catalogue, VariantEntry
from stages.presentation.determinism import Cost
from stages.presentation.kept import Tables
from stages.reporting.page.reports import Reports

NET: dict[str, Any] = {
    "seed": 42,
    "seeds": 1,
    "dataset": "fashion_mnist",
    "split": "holdout",
    "layers": {"flatten": {"class": "Flatten"}, "output": {"class": "Dense", "units": 10, "activation": "softmax"}},
    "optimizer": {"class": "Adam"},
    "loss": {"class": "SparseCategoricalCrossentropy"},
    "metrics": {"accuracy": {"class": "SparseCategoricalAccuracy"}},
    "batch_size": 32,
    "epochs": 3,
    "jit_compile": True,
}
DOT = bytes.fromhex(  # a PNG of one pixel
    "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
    "3a7e9b550000000a49444154789c63f80f00010101001bb6ee560000000049454e44ae426082"
)
ENVIRONMENT = {
    "processor": {"name": "A processor", "instructions": ["avx2", "fma"]},
    "operating_system": "Linux",
    "python": "3.12.1",
    "libraries": {"keras": "3.15.0"},
}


def study_of(names: list[str], baseline: str) -> Study:
    members = [{"variant": name, "expected": "better"} for name in names if name != baseline]
    asked = {"question": "Does dropout help?", "claim": "It does", "documents": ["A", "B"]}
    parts = [{"claim": "It predicts better", "members": members[:1]}] if members else []
    if members[1:]:
        parts.append({"claim": "So does the other", "members": members[1:]})
    return Study.model_validate({**asked, "baseline": baseline, "but": "in small networks", "parts": parts})


def catalogue_of(names: list[str], titles: Mapping[str, str] = {}) -> Catalogue:
    entries = {name: VariantEntry("fashion_mnist", "holdout", titles.get(name, name)) for name in names}
    return Catalogue(variants=entries, datasets={"fashion_mnist": ("holdout",)})


def history_of(offset: float = 0.0) -> pd.DataFrame:
    falling = [0.9 + offset, 0.5 + offset, 0.4 + offset]
    rising = [0.7, 0.8, 0.85]
    columns = {"loss": falling, "val_loss": falling, "accuracy": rising, "val_accuracy": rising}
    return pd.DataFrame({"seed": 42, "epoch": [1, 2, 3], **columns, "learning_rate": [0.1, 0.1, 0.05]})


def leaderboard_of(names: list[str]) -> pd.DataFrame:
    """The first variant is the best."""
    count = len(names)
    return pd.DataFrame(
        {
            "dataset": "fashion_mnist",
            "variant": names,
            "split": "holdout",
            "epochs": 3.0,
            "parameters": [7850 + 10 * place for place in range(count)],
            "multiply_adds": 1.5e9,
            "near_zero_weights": 0.25,
            "trainings": 1,
            "diverged": np.nan,
            "test_accuracy": [0.9 - 0.01 * place for place in range(count)],
            "test_accuracy_low": [0.89 - 0.01 * place for place in range(count)],
            "test_accuracy_high": [0.91 - 0.01 * place for place in range(count)],
            "test_log_loss": [0.3 + 0.1 * place for place in range(count)],
            "test_macro_f1": 0.9,
            "test_calibration_error": 0.01,
            "validation_accuracy": 0.9,
        }
    )


def comparisons_of(names: list[str], baseline: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "study": "dropout",
            "part": [min(number, 2) for number in range(1, len(names))],
            "variant": [name for name in names if name != baseline],
            "baseline": baseline,
            "metric": "accuracy",
            "clean": True,
            "trainings": 1,
            "seeds": 1,
            "ended": 1,
            "splits": 1,
            "rows": 10000,
            "ours": 0.9,
            "of_baseline": 0.89,
            "difference": 0.01,
            "low": 0.005,
            "high": 0.015,
            "better_in": 1,
            "worse_in": 0,
            "diverged": 0,
            "baseline_diverged": 0,
            "looks": 1,
            "worth": 0.005,
            "verdict": "better",
            "expected": "better",
            "differs_in": "epochs",
            "note": float("nan"),
        },
        columns=COLUMNS[COMPARISONS],
    )


def tables_of(names: list[str], baseline: str) -> Tables:
    answer: dict[str, Any] = {
        "study": "dropout",
        "question": "Does dropout help?",
        "claim": "It does",
        "documents": "A B",
    }
    answer |= {"answer": "open", "yes": 0, "parts": 2, "but": "in small networks"}
    parts = [
        {"study": "dropout", "part": number, "claim": claim, "answer": "open"}
        for number, claim in enumerate(("It predicts better", "So does the other")[: len(names) - 1], start=1)
    ]
    value = {"document": "A", "variant": names[0], "part": "validation", "metric": "accuracy", "published": 0.9}
    value |= {"ours": 0.95, "seeds": 1, "difference": 0.05, "tolerance": 0.01, "result": "missed"}
    return {
        LEADERBOARD: leaderboard_of(names),
        COMPARISONS: comparisons_of(names, baseline),
        PARTS: pd.DataFrame(parts, columns=COLUMNS[PARTS]),
        ANSWERS: pd.DataFrame([answer], columns=COLUMNS[ANSWERS]),
        PUBLISHED: pd.DataFrame([value], columns=COLUMNS[PUBLISHED]),
        TRAININGS: pd.DataFrame(
            {"dataset": "fashion_mnist", "variant": names, "split": 0, "seed": 42, "diverged": np.nan, "reason": np.nan}
        ),
    }


def reports_of(names: list[str], baseline: str) -> Reports:
    """A run with one seed of variants that are all alike, the first the best; all is there but several seeds."""
    classes = ["Sandal", "Bag"]
    counts = [(name, actual, predicted) for name in names for actual in classes for predicted in classes]
    evaluation = {part: {"loss": 0.25, "accuracy": 0.95} for part in ("train", "validation")}
    layers = [
        {"name": "flatten", "class": "Flatten", "output_shape": [None, 784], "parameters": 0, "inputs": []},
        {"name": "out", "class": "Dense", "output_shape": [None, 10], "parameters": 7850, "inputs": ["flatten"]},
    ]
    declared = [name for name in names if name.isidentifier()]
    return Reports(
        catalogue=catalogue_of(declared),
        studies={"dropout": study_of(declared, baseline)},
        sources={"A": Source(title="A title", subject="Dropout")},
        described={names[0]: Described(documents=["A"], ours="the validation rows")},
        recipes=dict.fromkeys(names, json.dumps(NET).encode()),
        columns={},
        summaries={
            name: {
                "parameters": 7850,
                "epochs": [3],
                "layers": layers,
                "evaluations": [evaluation],
                "diverged": [None],
            }
            for name in names
        },
        histories={name: history_of(0.1 * place) for place, name in enumerate(names)},
        tables=tables_of(names, baseline),
        several=None,
        notes=[],
        confusion=pd.DataFrame(counts, columns=["variant", "actual", "predicted"]).assign(count=7),
        classes=pd.DataFrame(
            {"variant": name, "class": each, "precision": 0.5, "recall": 0.5, "f1": 0.5, "rows": 14}
            for name in names
            for each in classes
        ),
        reliability=pd.DataFrame(
            {"variant": name, "confidence": confidence, "accuracy": confidence, "rows": 14}
            for name in names
            for confidence in (0.5, 0.9)
        ),
        environment=ENVIRONMENT,
        costs=[Cost(names[0], "ours", ratio=1.3, low=1.2, high=1.4, same_work=True)],
        pictures={
            **{kind: dict.fromkeys(names, DOT) for kind in ("worst", "weights")},
            "data": {"fashion_mnist_samples": DOT, "fashion_mnist_holdout_describe": DOT},
            "keras": {"activations": DOT},
            "sweeps": {"rates": DOT},
            "cost": {"fashion_mnist": DOT},
            "studies_ranking": {"dropout": DOT},
        },
    )


def without(reports: Reports, name: str) -> Reports:
    """The reports of a run in which the training of a variant failed: it left nothing but its recipe."""

    def others(by_name: Mapping[str, Any]) -> dict[str, Any]:
        return {each: left for each, left in by_name.items() if each != name}

    def rows(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["variant"] != name] if "variant" in table else table

    return replace(
        reports,
        summaries=others(reports.summaries),
        histories=others(reports.histories),
        tables={path: rows(table) for path, table in reports.tables.items()},
        confusion=rows(reports.confusion),
        classes=rows(reports.classes),
        reliability=rows(reports.reliability),
        pictures={kind: others(by_name) for kind, by_name in reports.pictures.items()},
    )
