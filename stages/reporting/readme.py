"""Write the README's tables from the reports: `python -m stages.reporting.readme`.

Everything between `<!-- name -->` and `<!-- /name -->` in README.md is generated; a test fails when it is stale.
"""

import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.report import determinism_costs
from stages.compare import ANSWERS, COMPARISONS, LEADERBOARD, PUBLISHED
from stages.datasets import module_of
from stages.recipes.resolve import recipes
from stages.recipes.schema import Params, read_params
from stages.reporting.keep import ASKED, Tables, kept

README = Path("README.md")
BENCHMARKS = Path("benchmarks/results.json")
FIGURE_KEYS = ["document", "variant", "part", "metric", "epoch"]

TITLES = {
    "fashion_mnist": "Fashion-MNIST",
    "housing": "California housing (RMSE and MAE in USD)",
    "thoracic": "Thoracic surgery (means over repeated splits, each with 94 test rows, 14 of them deaths)",
}
COLUMNS = {
    "fashion_mnist": {
        "test_accuracy": "test accuracy",
        "interval": "95 %",
        "test_log_loss": "test loss",
        "test_macro_f1": "macro F1",
        "test_calibration_error": "calibration error",
        "validation_accuracy": "validation accuracy",
    },
    "housing": {
        "test_mse": "test MSE",
        "interval": "95 %",
        "test_rmse": "RMSE, USD",
        "test_mae": "MAE, USD",
        "test_r2": "R²",
        "validation_mse": "validation MSE",
    },
    "thoracic": {
        "test_roc_auc": "test ROC AUC",
        "interval": "95 %",
        "test_average_precision": "average precision",
        "test_log_loss": "log loss",
        "test_accuracy": "accuracy",
    },
}
METRICS = {
    "log_loss": "log loss",
    "mse": "MSE",
    "roc_auc": "ROC AUC",
    "training_loss": "training loss",
    "overfitting": "validation less training loss",
    "loss_rise": "rise of the validation loss",
}


def results(leaderboard: pd.DataFrame) -> str:
    """One Markdown table per data set, best first. leaderboard: as `stages.compare` writes it."""
    parts = []
    for dataset, rows in leaderboard.groupby("dataset"):
        module = module_of(str(dataset))
        low, high = (rows[f"test_{module.RANKED_BY}_{end}"] for end in ("low", "high"))
        intervals = low.map("{:.3f}–".format) + high.map("{:.3f}".format)
        rows = rows.assign(interval=intervals.where(np.isfinite(low), ""))
        for column in ("test_rmse", "test_mae"):
            if column in rows and not module.CLASSES:
                rows[column] = (rows[column] * module.TARGET_UNIT).map("{:,.0f}".format)
        columns = COLUMNS.get(str(dataset), {})
        head = ["variant", "split", "parameters", "epochs", *columns.values()]
        body = [
            [f"`{row['variant']}`", row["split"], f"{row['parameters']:,.0f}", f"{row['epochs']:g}"]
            + [_cell(row[column]) for column in columns]
            for _, row in rows.iterrows()
        ]
        parts.append(f"### {TITLES.get(str(dataset), dataset)}\n\n{_table(head, body)}")
    return "\n\n".join(parts)


def answers(studies: pd.DataFrame, comparisons: pd.DataFrame, alone: pd.DataFrame, costs: list[dict[str, Any]]) -> str:
    """Each study's question, claim and answer, and the differences that it rests on; as `stages.compare` wrote them.

    alone: the comparisons of a run with one seed; its verdict is shown where it is another. costs: see `determinism`.
    """
    body = []
    keys = ["study", "variant", "baseline", "metric"]
    beside = comparisons.merge(alone[[*keys, "verdict"]], on=keys, how="left", suffixes=("", "_alone"))
    for _, study in studies.iterrows():
        rows = beside[(beside["study"] == study["study"]) & beside["expected"].notna()]
        shown = [
            f"`{row['variant']}` − `{row['baseline']}`, {METRICS.get(row['metric'], row['metric'])}: "
            + (f"{_signed(row['difference'])} ({_between(row['low'], row['high'])}), " if pd.notna(row["low"]) else "")
            + f"**{row['verdict']}**"
            + _in_brackets(
                claimed=row["expected"] if row["verdict"] != row["expected"] else None,
                one_seed=row["verdict_alone"] if row["verdict_alone"] not in (row["verdict"], "no interval") else None,
            )
            for _, row in rows.iterrows()
        ]
        cells = [f"{study['question']} ({study['documents']})", study["claim"], f"**{study['answer']}**"]
        body.append([*cells, "<br>".join(shown)])
    body.append(determinism(costs))
    return _table(["question", "claim", "answer", "it rests on: difference (95 %), verdict"], body)


EXPENSIVE = 1.1
"""So many times as long: what document E may mean by it, which names no figure."""


def determinism(costs: list[dict[str, Any]]) -> list[str]:
    """The row of the claim that a benchmark answers, not a study. costs: see `benchmarks.report.determinism_costs`."""
    peers = [cost for cost in costs if cost["same_work"]]
    dear, cheap = ([cost["low"] > EXPENSIVE for cost in peers], [cost["high"] < EXPENSIVE for cost in peers])
    if not peers:
        answer = "not measured"
    elif any(dear) and any(cheap):
        answer = "depends on the net"
    else:
        answer = "confirmed" if all(dear) else "refuted" if all(cheap) else "not decided"
    shown = [
        f"`{cost['variant']}`, {cost['way']}: {cost['ratio']:.2f} times as long "
        f"({cost['low']:.2f} to {cost['high']:.2f})"
        for cost in peers
    ]
    question = "Are deterministic runs expensive? (E)"
    claim = f"They are, which we take for more than {EXPENSIVE:g} times as long"
    return [question, claim, f"**{answer}**", "<br>".join(shown)]


OVERRIDES: dict[str, dict[str, Any]] = {
    "dropout=0.3": {"dropout": 0.3},
    "epochs=20": {"epochs": 20},
    "learning_rate=0.01": {"learning_rate": 0.01},
    "batch_size=32": {"batch_size": 32},
    "'optimizer={SGD: {learning_rate: 0.01}}'": {"optimizer": {"SGD": {"learning_rate": 0.01}}},
    "dropout=0.3 -S epochs=30": {"dropout": 0.3, "epochs": 30},
    "jit_compile=false": {"jit_compile": False},
    "seed=43": {"seed": 43},
    "repeats=5": {"repeats": 5},
}


def overrides(params: Params) -> str:
    """Which variants train again for an override: those whose recipe it changes."""
    before = dict(recipes(params))
    body = []
    for text, changes in OVERRIDES.items():
        after = dict(recipes(params.model_copy(update=changes)))
        concerned = [name for name in before if after[name] != before[name]]
        others = [name for name in before if name not in concerned]
        fewer, prefix = (concerned, "") if len(concerned) <= len(others) else (others, "all but ")
        named = ", ".join(f"`{name}`" for name in fewer)
        listed = f"{prefix}{named}" if others else "all"
        body.append([f"`-S {text}`", str(len(concerned)), listed])
    return _table(["override", "train again", "which"], body)


def _in_brackets(**remarks: Any) -> str:
    said = [f"{name.replace('_', ' ')}: {value}" for name, value in remarks.items() if pd.notna(value)]
    return f" ({'; '.join(said)})" if said else ""


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _between(low: float, high: float) -> str:
    return "no interval" if math.isinf(low) else f"{_signed(low)} to {_signed(high)}"


def published(figures: pd.DataFrame, several: pd.DataFrame, leaderboard: pd.DataFrame) -> str:
    """Count the reproduced figures by document, with one seed and with several, and name those that are not.

    figures, several: `reports/published.csv` of a run with one seed and of one with several. Parameter counts are
    certain, and the settings of the `small` split were chosen to fit: both are counted apart.
    """
    small = leaderboard.loc[leaderboard["split"] == "small", "variant"]
    kind = figures["document"].where(figures["metric"] != "parameters", "parameter counts")
    kind = kind.where(~figures["variant"].isin(small), "E, on 3,000 images, whose unprinted settings we chose to fit")
    beside = figures.merge(several, on=FIGURE_KEYS, how="left", suffixes=("", "_several"))
    results = {"one seed": beside["result"], "several seeds": beside["result_several"].fillna("not measured")}
    counts = {f"{run}: {result}": found == result for run, found in results.items() for result in sorted(set(found))}
    table = pd.DataFrame({"figures": 1, **counts}).groupby(kind.to_numpy()).sum()
    body = [[str(name), *map(str, row)] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    body.append(["all", *map(str, table.sum())])
    text = _table(["document", *table.columns], body)
    missed = beside[(beside["result"] != "reproduced") | (results["several seeds"] != "reproduced")]
    if len(missed):
        keys = ["part", "metric", "epoch", "published", "tolerance", "ours", "result"]
        of_several = ["ours_several", "std_several", "seeds_several", "result_several"]
        head = ["not reproduced", *keys, "mean of several", "standard deviation", "seeds", "result"]
        rows = [
            [f"`{row['variant']}`", *(_cell(row[key]) for key in [*keys, *of_several])] for _, row in missed.iterrows()
        ]
        text += f"\n\n{_table(head, rows)}"
    return text


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if pd.isna(value) else f"{value:.0f}" if value == round(value) else f"{value:.4f}"


def _table(head: list[str], body: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def filled(text: str, blocks: dict[str, str]) -> str:
    """Put each block between its marks. Raises: ValueError if a mark is missing."""
    for name, block in blocks.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"{README}: expected the marks <!-- {name} --> and <!-- /{name} -->, got none")
        text = pattern.sub(lambda match, block=block: f"{match[1]}{block}\n{match[2]}", text)  # type: ignore[misc]
    return text


def updated(text: str, one: Tables, several: Tables, params: Params, benchmarks: dict[str, Any]) -> str:
    """Fill the README's text with the tables of the reports, see `read_tables`, and the benchmarks'."""
    costs = determinism_costs(benchmarks.get("determinism", {}))
    blocks = {
        "overrides": overrides(params),
        "answers": answers(several[ANSWERS], several[COMPARISONS], one[COMPARISONS], costs),
        "results": results(one[LEADERBOARD]),
        "published": published(one[PUBLISHED], several[PUBLISHED], one[LEADERBOARD]),
    }
    return filled(text, blocks)


TABLES = (ANSWERS, COMPARISONS, LEADERBOARD, PUBLISHED)


def read_tables(read: Callable[[Path], str | None]) -> tuple[Tables, Tables]:
    """The tables of a run with one seed, and those that are kept of one with several; where none are, the same.

    read: gives the text of a file, or None if there is none.
    """
    one = {path: pd.read_csv(io.StringIO(read(path))) for path in TABLES}
    several = {path: read(kept(path)) for path in ASKED}
    return one, {path: one[path] if text is None else pd.read_csv(io.StringIO(text)) for path, text in several.items()}


def main() -> None:
    """Update README.md."""
    one, several = read_tables(lambda path: path.read_text(encoding="utf-8") if path.exists() else None)
    benchmarks = json.loads(BENCHMARKS.read_text(encoding="utf-8"))
    text = updated(README.read_text(encoding="utf-8"), one, several, read_params(), benchmarks)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
