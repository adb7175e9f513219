"""Reports that are small enough for a test, with all that the page shows or misses."""

import base64
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from stages.artifacts.tables import ANSWERS, COLUMNS, COMPARISONS, LEADERBOARD, PARTS, PUBLISHED, TRAININGS
from stages.comparison.criteria import Criteria
from stages.documents import Described, Source, Study
from stages.params.catalogue import Catalogue, VariantEntry
from stages.presentation.determinism import Cost
from stages.presentation.kept import Tables
from stages.reporting.page.reports import Reports, Tested
from stages.reporting.pictured import Pictured

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
            {
                "dataset": "fashion_mnist",
                "variant": names,
                "split": 0,
                "seed": 42,
                "diverged": np.nan,
                "reason": np.nan,
                "test_accuracy": [1 - place / 8 for place in range(len(names))],
            }
        ),
    }


def rows_of(wrong: int) -> Tested:
    """Eight test rows, sandals and bags in turn, the first `wrong` of which are taken for the other."""
    y = np.array([5, 8] * 4, dtype=np.int32)
    predicted = np.where(np.arange(8) < wrong, 13 - y, y)
    return Tested(np.arange(60_000, 60_008, dtype=np.int32), y, np.eye(10, dtype=np.float32)[predicted])


def pictured_of(names: list[str]) -> Pictured:
    """Two worst errors and weights of each variant, curves of two classes of the first, a sweep, functions of Keras."""
    error = {"actual": "Bag", "predicted": "Sandal", "probability_actual": 0.004, "probability_predicted": 0.9}
    curve = {"variant": names[0], "split": 0, "seed": 42, "false_positive_rate": [0.0, 0.5, 1.0]}
    curve |= {"true_positive_rate": [0.0, 0.8, 1.0], "recall": [0.0, 0.8, 1.0], "precision": [1.0, 0.9, 0.5]}
    curves = pd.DataFrame(curve)
    members = [
        {"candidate": number, "rate": rate, "seed": seed, "validation_accuracy": 0.8 + 0.01 * number + 0.001 * seed}
        for number, rate in enumerate((0.1, 0.01, 0.001))
        for seed in (1, 2)
    ]
    declared = {"keys": ["rate"], "best_for": None, "candidates": [{"recipe": {"dataset": "fashion_mnist"}}]}
    tables = {
        "members": pd.DataFrame(members),
        "best": pd.DataFrame({"candidate": [2]}),
        "best_of_k": pd.DataFrame({"k": [1, 2, 3], "validation_accuracy": [0.8, 0.81, 0.82]}),
    }
    quantities = [(quantity, x, x) for quantity in ("weights", "spread", "signal") for x in (1.0, 2.0)]
    initializers = pd.DataFrame(quantities, columns=["quantity", "x", "value"])
    initializers = initializers.assign(initializer="he_normal", activation=["", "", "", "", "relu", "relu"])
    constant, falling = (np.array([0.0, 1.0, 3.0]), np.full(3, 0.1)), (np.array([0.0, 1.0, 3.0]), [0.1, 0.05, 0.05])
    return Pictured(
        worst=pd.DataFrame({"variant": name, "row": row, **error} for name in names for row in (60001, 60007)),
        images={"fashion_mnist": {row: np.full((28, 28), row % 256, np.uint8) for row in (0, 60001, 60007)}},
        first={"fashion_mnist": {"train": {0: "Bag"}}},
        kernels={name: np.linspace(-1, 1, 28 * 28 * 10).reshape(28, 28, 10) for name in names},
        roc=curves,
        precision_recall=curves,
        activations=pd.DataFrame({"input": [-1.0, 0.0, 1.0], "relu": [0.0, 0.0, 1.0]}),
        initializers=initializers,
        rates={names[-1]: {names[-1]: constant, names[0]: (falling[0], np.array(falling[1]))}},
        sweeps={"rates": (declared, tables)},
        counts={"fashion_mnist": {"holdout": {"train": np.arange(10), "test": np.ones(10, int)}}},
    )


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
        tested={name: rows_of(place) for place, name in enumerate(names)},
        images={"fashion_mnist": np.arange(16, 208, 16, dtype=np.uint8).reshape(6, 1, 2)},
        near_zero={names[0]: {"output": 0.5}},
        criteria=Criteria(confidence=0.95, worth={"accuracy": 0.005}),
        environment=ENVIRONMENT,
        costs=[Cost(names[0], "ours", ratio=1.3, low=1.2, high=1.4, same_work=True)],
        pictured=pictured_of(names),
    )


def unpacked(content: str, name: str) -> bytes:
    """What an element of the page packs, as a browser unpacks it."""
    found = re.findall(rf'<script type="text/plain" id="{re.escape(name)}"[^>]*>(.*?)</script>', content)
    return zlib.decompress(base64.b64decode(found[0]))


def opened(content: str) -> str:
    """The page with the insides of its cards, as the browser makes them when they are opened."""
    insides = iter(json.loads(unpacked(content, "insides")).values())
    return re.sub('<div class="inside"></div>', lambda _: f'<div class="inside">{next(insides)}</div>', content)


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
        pictured=replace(
            reports.pictured, worst=rows(reports.pictured.worst), kernels=others(reports.pictured.kernels)
        ),
    )
