"""Recompute a run from its kept tables, apart from the code that made them: `python -m tests.recompute <folder>`.

The folder holds comparisons.csv, parts.csv, answers.csv and trainings.csv, such as `reports/several_seeds/`; of several
folders the first that has a table. From the trainings: the means of each comparison, how many seeds diverged and were
better or worse, and the variances between seeds and splits. From the variances: every interval, verdict and number of
seeds that would decide. From the verdicts: the answers to the parts of the claims, and to the claims. Nothing here
imports `stages`. It prints how much was recomputed and every difference, and ends with status 1 if there is one.
"""

import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact, t

CONFIDENCE = 0.95
TABLES = ("comparisons", "parts", "answers", "trainings")
PER_TRAINING = {
    "accuracy": "test_accuracy",
    "log_loss": "test_log_loss",
    "mse": "test_mse",
    "mae": "test_mae",
    "roc_auc": "test_roc_auc",
    "average_precision": "test_average_precision",
    "training_loss": "train_loss",
    "training_accuracy": "train_accuracy",
    "overfitting": "overfitting",
    "near_zero_weights": "model_near_zero_weights",
}
"""Column of the trainings with a metric's score. Two more metrics are made of several columns."""
LOWER = {"log_loss", "mse", "mae", "training_loss", "overfitting", "loss_rise", "accuracy_spread"}
SHARES = {"accuracy", "roc_auc", "average_precision", "training_accuracy", "near_zero_weights"}
MOST_SEEDS = 10_000


class Report:
    """What was recomputed, and what differs."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.different: list[str] = []

    def equal(self, what: str, place: str, kept: Any, ours: Any) -> None:
        """Compare words or counts."""
        self.count[what] += 1
        if kept != ours:
            self.different.append(f"{place}: {what}: kept {kept}, recomputed {ours}")

    def close(self, what: str, place: str, kept: float, ours: float, slack: float) -> None:
        """Compare numbers, of which the tables have six digits. slack: by how much their sources may move ours."""
        self.count[what] += 1
        if not (np.isclose(kept, ours, rtol=2e-5, atol=slack, equal_nan=True)):
            self.different.append(f"{place}: {what}: kept {kept:.6g}, recomputed {ours:.6g}")


# From the trainings


def scores_of(trainings: pd.DataFrame, variant: str, metric: str) -> tuple[pd.DataFrame, float] | None:
    """Scores of a variant by seed (rows) and split (columns), those with seeds that ended on all splits; their scale.

    The scale is that of the numbers that they are made of, which have six digits.
    """
    rows = trainings[trainings["variant"] == variant].sort_values(["split", "seed"])
    rows = rows[rows.groupby("seed")["diverged"].transform("count") == 0]
    source = {"accuracy_spread": "test_accuracy", "loss_rise": "last_val_loss"} | PER_TRAINING
    if source[metric] not in rows or rows[source[metric]].isna().any():
        return None
    values = rows[source[metric]]
    if metric == "accuracy_spread":
        by_split = values.groupby(rows["split"])
        count = by_split.transform("size")
        values = (values - by_split.transform("median")).abs() * count / np.maximum(count - 1, 1)
    elif metric == "loss_rise":
        values = values - rows["least_val_loss"]
    table = rows.assign(score=values).pivot_table(index="seed", columns="split", values="score")
    return table, float(rows[source[metric]].abs().max()) if len(rows) else 0.0


def check_trainings(row: Mapping[str, Any], trainings: pd.DataFrame, report: Report) -> None:
    """Recompute means, counts and variances of a comparison."""
    place, names = _place(row), (row["variant"], row["baseline"])
    seeds = [set(trainings.loc[trainings["variant"] == name, "seed"]) for name in names]
    shared = sorted(seeds[0] & seeds[1])  # more than are compared, if another study asked for more since
    used = trainings[trainings["seed"].isin(shared[: row["seeds"]])]
    found = [scores_of(used, name, row["metric"]) for name in names]
    if found[0] is None or found[1] is None:
        return
    (ours, own_scale), (theirs, other_scale) = found[0], found[1]
    slack = 1e-5 * max(own_scale, other_scale)
    report.equal("seeds", place, row["seeds"] <= len(shared), True)
    report.equal("diverged", place, row["diverged"], row["seeds"] - len(ours))
    report.equal("diverged", place, row["baseline_diverged"], row["seeds"] - len(theirs))
    for column, each in (("ours", ours), ("of_baseline", theirs)):
        report.close("means", place, row[column], each.to_numpy().mean() if len(each) else np.nan, slack)
    both = ours.index.intersection(theirs.index)
    report.equal("ended", place, row["ended"], len(both))
    ahead = (ours.loc[both].mean(axis=1) - theirs.loc[both].mean(axis=1)) * (-1 if row["metric"] in LOWER else 1)
    ties = int((ahead.abs() <= slack).sum())  # of six digits: perhaps no ties
    for column, each, sign in (("better_in", theirs, 1), ("worse_in", ours, -1)):
        # Where the other alone diverged, this one is better.
        least = int((sign * ahead > slack).sum()) + row["seeds"] - len(each) - _diverged_in_both(row, ours, theirs)
        report.equal("better or worse in", place, least <= row[column] <= least + ties, True)
    for column, ours_again in spreads(ours, theirs, row).items():
        report.close("variances", place, row[column] ** 0.5, ours_again**0.5, 2 * slack)


def _diverged_in_both(row: Mapping[str, Any], ours: pd.DataFrame, theirs: pd.DataFrame) -> int:
    return row["seeds"] - len(ours.index.union(theirs.index))


def spreads(ours: pd.DataFrame, theirs: pd.DataFrame, row: Mapping[str, Any]) -> dict[str, float]:
    """Variances of a comparison by the name of their column, as far as the trainings show them."""
    if pd.isna(row["seed_variance"]):
        return {}
    if row["diverged"] + row["baseline_diverged"]:
        of_means = [each.mean(axis=1).var(ddof=1) / len(each) for each in (ours, theirs)]
        return {"seed_variance": float(min(len(ours), len(theirs)) * sum(of_means))}
    values = (ours - theirs).to_numpy()
    found = {"seed_variance": float(values.mean(axis=1).var(ddof=1))}
    if row["splits"] > 1:
        left = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
        found["row_variance"] = float(values.mean(axis=0).var(ddof=1))
        found["rest_variance"] = float((left**2).sum() / (len(values) - 1) / (values.shape[1] - 1))
    return found


# From the variances


def parts_of(row: Mapping[str, Any], seeds: float | None = None) -> tuple[float, list[tuple[float, float]]]:
    """Middle of the interval, and variance and degrees of freedom of its parts; perhaps with more seeds."""
    now = row["seeds"] - max(row["diverged"], row["baseline_diverged"])
    seeds = now if seeds is None else seeds
    by_splits = row["splits"] > 1
    count = float(row["splits"] if by_splits else row["rows"])
    mean, of_seed, of_row, rest = (row[key] for key in ("difference", "seed_variance", "row_variance", "rest_variance"))
    degrees = row["seed_degrees"] if seeds == now else row["seed_degrees"] * (seeds - 1) / (now - 1)
    if seeds != now and count > 1:
        of_row = max(of_row - rest / now, 0.0) + rest / seeds
    if row["metric"] == "accuracy" and not by_splits and count > 1:  # one more row that each alone has right
        more = count + 2
        squares = (count - 1) * of_row + count * mean**2 + 2 - (count * mean) ** 2 / more
        rest = ((count - 1) * rest + 2 * count / more * of_seed) / (count + 1)
        of_row, of_seed, mean, count = squares / (count + 1), of_seed * (count / more) ** 2, mean * count / more, more
    if count == 1:
        return mean, [(of_seed / seeds, degrees)] if seeds > 1 else []
    rows = of_row * (1 / count + (row["overlap"] if by_splits else 0.0))
    if seeds == 1:
        return mean, [(rows, count - 1)]
    both = rest / seeds / count
    if by_splits:
        return mean, [(max(of_seed / seeds - both, 0.0), degrees), (rows, count - 1)]
    return mean, [(of_seed / seeds, degrees), (max(rows - both, 0.0), count - 1)]


@cache
def quantile(error: float, degrees: float) -> float:
    """Two-sided quantile of Student's t."""
    return float(t.ppf(1 - error / 2, degrees))


def half_of(parts: list[tuple[float, float]], error: float) -> float:
    """Half the width of the interval that misses with the chance of error."""
    return float(np.sqrt(sum(quantile(error, degrees) ** 2 * each for each, degrees in parts))) if parts else np.inf


def told(mean: float, parts: list[tuple[float, float]], worth: float, error: float, lower: bool) -> str:
    """Verdict on a difference, as far as its interval tells."""
    if not parts:
        return "no interval"
    if abs(mean) + half_of(parts, 2 * error) <= worth:
        return "same"
    if abs(mean) <= half_of(parts, error):
        return "open"
    return "worse" if (mean > 0) == lower else "better"


def verdict_of(row: Mapping[str, Any], error: float, seeds: float | None = None) -> str:
    """Verdict on a comparison, perhaps with more seeds."""
    lower = row["metric"] in LOWER
    if row["diverged"] + row["baseline_diverged"]:
        return verdict_of_diverging(row, error, lower)
    mean, parts = parts_of(row, seeds)
    worth = 0.0 if pd.isna(row["worth"]) else row["worth"]
    found = told(mean, parts, worth, error, lower)
    return "cannot be known" if found == "open" and row["seeds"] > 1 and stays_open(row, error, seeds) else found


def stays_open(row: Mapping[str, Any], error: float, seeds: float | None = None) -> bool:
    """Whether infinitely many seeds would leave it open, wherever within chance their mean is."""
    mean, parts = parts_of(row, 1e12)
    worth = 0.0 if pd.isna(row["worth"]) else row["worth"]
    now, degrees = (row["seeds"], row["seed_degrees"]) if seeds is None else (seeds, seeds - 1)
    room = half_of([(_seed_variance(row) / now, degrees)], error)
    ends = [mean - room, mean + room]
    is_open = [told(each, parts, worth, error, False) == "open" for each in (*ends, 0.0)]
    return is_open[0] and is_open[1] and (ends[0] > 0 or ends[1] < 0 or is_open[2])


def _seed_variance(row: Mapping[str, Any]) -> float:
    """Variance between seeds; of a share with the rows that were added."""
    shares = row["metric"] == "accuracy" and row["splits"] == 1 and row["rows"] > 1
    return row["seed_variance"] * ((row["rows"] / (row["rows"] + 2)) ** 2 if shares else 1.0)


def verdict_of_diverging(row: Mapping[str, Any], error: float, lower: bool) -> str:
    """Verdict where trainings diverged: by how many did, and by the means of the others."""
    seeds, counts = row["seeds"], (row["diverged"], row["baseline_diverged"])
    total = sum(counts)
    possible = [
        fisher_exact([[own, seeds - own], [total - own, seeds - total + own]]).pvalue
        for own in range(max(0, total - seeds), min(total, seeds) + 1)
    ]
    used = max((p for p in possible if p <= error / 2), default=0.0)
    p = fisher_exact([[count, seeds - count] for count in counts]).pvalue
    found = set()
    if counts[0] != counts[1] and p <= used * (1 + 1e-9):
        found.add("worse" if counts[0] > counts[1] else "better")
    if pd.notna(row["seed_variance"]):
        mean, parts = parts_of(row)
        found.add(told(mean, parts, 0.0 if pd.isna(row["worth"]) else row["worth"], error - used, lower))
    known = found & {"better", "worse"}
    return known.pop() if len(known) == 1 else "open"


def check_comparison(row: Mapping[str, Any], members: int, report: Report) -> None:
    """Recompute interval, verdicts and the number of seeds that would decide it."""
    place, error = _place(row), (1 - CONFIDENCE) / row["looks"]
    if row["verdict"] == "not measured":
        return
    scale = np.nan_to_num(max(abs(row["ours"]), abs(row["of_baseline"])))
    report.close("differences", place, row["difference"], row["ours"] - row["of_baseline"], 1e-5 * scale)
    low = high = half = np.nan
    if not (row["diverged"] + row["baseline_diverged"] and pd.isna(row["seed_variance"])):
        mean, parts = parts_of(row)
        half = half_of(parts, error)
        low, high = mean - half, mean + half
    if row["metric"] in SHARES and not np.isnan(low):
        low, high = max(low, -1.0), min(high, 1.0)
    for column, ours in (("low", low), ("high", high)):
        report.close("limits", place, row[column], ours, 2e-5 * half if np.isfinite(half) else 0.0)
    report.equal("verdicts", place, row["verdict"], verdict_of(row, error))
    shared = verdict_of(row, error / members)
    expected = "open" if row["verdict"] == "same" != shared else shared
    report.equal("shared verdicts", place, row["shared_verdict"], expected)
    needed = row["seeds_needed"]
    if row["verdict"] == "cannot be known":
        report.equal("seeds that decide", place, needed, np.inf)
    elif row["verdict"] == "open" and pd.notna(needed) and not row["diverged"] + row["baseline_diverged"]:
        report.equal("seeds that decide", place, needed > row["seeds"], True)
        enough = needed >= MOST_SEEDS or verdict_of(row, error, needed + 1) != "open"  # of six digits: one more
        fewer = needed - 2 <= row["seeds"] or verdict_of(row, error, needed - 2) == "open"
        report.equal("seeds that decide", place, (enough, fewer), (True, True))


# From the verdicts


def opposite(verdict: str, expected: str) -> bool:
    """Whether a verdict is the opposite of the expected one."""
    return verdict in {"better": ["worse"], "worse": ["better"], "same": ["better", "worse"]}[expected]


def answer_of_part(rows: pd.DataFrame) -> str:
    """Answer a part of a claim."""
    if (rows["verdict"] == "not measured").any():
        return "not measured"
    if (rows["seeds"] == 1).any():
        return "open"
    if (rows["verdict"] == rows["expected"]).all():
        return "yes"
    if (rows["verdict"] == "same").all():
        return "no difference"
    pairs = list(zip(rows["shared_verdict"], rows["expected"], strict=True))
    against = [opposite(*pair) for pair in pairs]
    if any(verdict == expected for verdict, expected in pairs) and any(
        opposed or verdict == "same" != expected for opposed, (verdict, expected) in zip(against, pairs, strict=True)
    ):
        return "in part"
    if any(against) or all(map(opposite, rows["verdict"], rows["expected"])):
        return "no"
    unknowable, undecided = (rows["verdict"] == "cannot be known").any(), (rows["verdict"] == "open").any()
    return "cannot be known" if unknowable and not undecided else "open"


def answer_of_claim(answers: list[str]) -> str:
    """Answer a claim by its parts."""
    for whole in ("not measured", "yes", "no difference", "cannot be known"):
        if answers and set(answers) == {whole}:
            return whole
    some = {"yes", "in part"} & set(answers)
    if some and {"in part", "no", "no difference", "cannot be known"} & set(answers):
        return "in part"
    return next((each for each in ("open", "not measured", "no", "cannot be known") if each in answers), "open")


def check_answers(tables: Mapping[str, pd.DataFrame], report: Report) -> None:
    """Recompute the answers to the parts and to the claims, and the seeds that would decide them."""
    comparisons, parts = tables["comparisons"], tables["parts"]
    for _, part in parts.iterrows():
        rows = comparisons[(comparisons["study"] == part["study"]) & (comparisons["part"] == part["part"])]
        place = f"{part['study']}, part {part['part']}"
        answer = answer_of_part(rows)
        report.equal("answers to parts", place, part["answer"], answer)
        undecided = rows["verdict"] == "open"
        if answer != "open" or undecided.any():
            needed = rows.loc[undecided, "seeds_needed"].max() if answer == "open" else np.nan
            report.close("seeds that decide", place, part["seeds_needed"], needed, 0.0)
    for _, claim in tables["answers"].iterrows():
        own = parts[parts["study"] == claim["study"]]
        answers = own["answer"].tolist()
        report.equal("answers", claim["study"], claim["answer"], answer_of_claim(answers))
        report.equal("parts", claim["study"], (claim["yes"], claim["parts"]), (answers.count("yes"), len(answers)))
        report.close("seeds that decide", claim["study"], claim["seeds_needed"], own["seeds_needed"].max(), 0.0)


def _place(row: Mapping[str, Any]) -> str:
    return f"{row['study']}, {row['variant']} - {row['baseline']}, {row['metric']}"


def recompute(tables: Mapping[str, pd.DataFrame]) -> Report:
    """Recompute all tables."""
    report = Report()
    comparisons = tables["comparisons"]
    members = comparisons.groupby(["study", "part"])["variant"].transform("size")
    rows: list[Mapping[str, Any]] = comparisons.to_dict("records")  # type: ignore[assignment]
    for row, count in zip(rows, members, strict=True):
        check_comparison(row, count, report)
        if row["verdict"] != "not measured":
            check_trainings(row, tables["trainings"], report)
    check_answers(tables, report)
    return report


def read(*folders: Path) -> dict[str, pd.DataFrame]:
    """Read the tables, each from the first folder that has it."""
    return {
        name: pd.read_csv(next(path for folder in folders if (path := folder / f"{name}.csv").exists()))
        for name in TABLES
    }


def main() -> None:
    """Recompute the tables in the folders on the command line."""
    report = recompute(read(*map(Path, sys.argv[1:])))
    for line in report.different:
        print(line)
    print(", ".join(f"{count} {what}" for what, count in report.count.items()))
    print(f"{sum(report.count.values())} values recomputed, {len(report.different)} differ")
    sys.exit(bool(report.different))


if __name__ == "__main__":
    main()
