"""Write the READMEs' tables from the reports: `python -m stages.readme`; `--check` only looks at them.

Everything between `<!-- name -->` and `<!-- /name -->` in README.md and README.ko.md is generated, in the words of
`stages/presentation/words/`; a test fails when it is stale. The answers are those that are kept of a run with several
seeds; which of its tables no longer belong to the reports is told.
"""

import argparse
import io
import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.report import determinism_costs
from stages.artifacts.tables import ANSWERS, COMPARISONS, LEADERBOARD, PUBLISHED
from stages.params.overrides import recipes
from stages.params.schema import Params, read_params
from stages.presentation import determinism as claimed
from stages.presentation.determinism import BENCHMARKS, Costs
from stages.presentation.formats import cell, signed, with_intervals
from stages.presentation.kept import KEPT, Tables, comparisons_beside, figures_beside, kept, stale
from stages.presentation.words import Strings, read_strings, study_text

READMES = {"en": Path("README.md"), "ko": Path("README.ko.md")}
BLOCKS = {"en": ("overrides", "answers", "results", "published"), "ko": ("answers", "results", "published")}
"""What is generated in each: the Korean one is of the first page."""


def results(leaderboard: pd.DataFrame, strings: Strings) -> str:
    """One Markdown table per data set, best first. leaderboard: as `stages.compare` writes it."""
    parts = []
    for dataset, rows in leaderboard.groupby("dataset"):
        columns = strings["leaderboards"].get(dataset, {})
        rows = with_intervals(str(dataset), rows)
        rows = rows.reindex(columns=list(dict.fromkeys([*rows, *columns])))  # no variant may have such a figure
        head = [*(strings["table"][key] for key in ("variant", "split", "parameters", "epochs")), *columns.values()]
        body = [
            [f"`{row['variant']}`", row["split"], cell(float(row["parameters"])), cell(float(row["epochs"]))]
            + [cell(row[column]) for column in columns]
            for _, row in rows.iterrows()
        ]
        parts.append(f"### {strings['titles'].get(dataset, dataset)}\n\n{_table(head, body)}")
    return "\n\n".join(parts)


def answers(
    studies: pd.DataFrame,
    comparisons: pd.DataFrame,
    alone: pd.DataFrame,
    costs: Costs,
    language: str = "en",
) -> str:
    """Each study's question, claim and answer, and the differences that it rests on; as `stages.compare` wrote them.

    alone: the comparisons of a run with one seed; its verdict is shown where it is another. costs: see `determinism`.
    """
    strings = read_strings(language)
    table, verdicts = strings["table"], strings["verdicts"]
    body = []
    beside = comparisons_beside(comparisons, alone)
    for _, study in studies.iterrows():
        rows = beside[(beside["study"] == study["study"]) & beside["expected"].notna()]
        shown = [
            f"`{row['variant']}` − `{row['baseline']}`, {strings['metrics'].get(row['metric'], row['metric'])}: "
            + (f"{signed(row['difference'])} ({_between(row, table)}), " if pd.notna(row["low"]) else "")
            + f"**{verdicts[row['verdict']]}**"
            + _in_brackets(
                {
                    table["claimed"]: row["expected"] if row["verdict"] != row["expected"] else None,
                    table["one_seed"]: row["verdict_alone"]
                    if row["verdict_alone"] not in (row["verdict"], "no interval")
                    else None,
                },
                verdicts,
            )
            for _, row in rows.iterrows()
        ]
        question, claim = (study_text(study["study"], key, study[key])[language] for key in ("question", "claim"))
        cells = [f"{question} ({study['documents']})", claim, f"**{strings['answers'][study['answer']]}**"]
        body.append([*cells, "<br>".join(shown)])
    body.append(determinism(costs, language))
    return _table([table[key] for key in ("question", "claim", "answer", "rests_on")], body)


def determinism(costs: Costs, language: str) -> list[str]:
    """The row of the claim that a benchmark answers, not a study."""
    strings = read_strings(language)
    shown = [
        f"`{cost['variant']}`, {claimed.way(cost)[language]}: "
        f"{strings['determinism']['ratio'].format(ratio=cost['ratio'])} ({claimed.interval(cost)[language]})"
        for cost in claimed.comparable(costs)
    ]
    asked = f"{claimed.question()[language]} ({claimed.DOCUMENT})"
    answer = strings["answers"][claimed.answer(costs)]
    return [asked, claimed.claim()[language], f"**{answer}**", "<br>".join(shown)]


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


def overrides(params: Params, strings: Strings) -> str:
    """Which variants train again for an override: those whose recipe it changes."""
    table = strings["table"]
    before = dict(recipes(params))
    body = []
    for text, changes in OVERRIDES.items():
        after = dict(recipes(params.model_copy(update=changes)))
        concerned = [name for name in before if after[name] != before[name]]
        others = [name for name in before if name not in concerned]
        fewer, prefix = (concerned, "") if len(concerned) <= len(others) else (others, table["all_but"])
        named = ", ".join(f"`{name}`" for name in fewer)
        listed = f"{prefix}{named}" if others else table["all"]
        body.append([f"`-S {text}`", str(len(concerned)), listed])
    return _table([table[key] for key in ("override", "train_again", "which")], body)


def _in_brackets(remarks: dict[str, Any], verdicts: Mapping[str, str]) -> str:
    said = [f"{name}: {verdicts[value]}" for name, value in remarks.items() if pd.notna(value)]
    return f" ({'; '.join(said)})" if said else ""


def _between(row: Any, table: Mapping[str, str]) -> str:
    if math.isinf(row["low"]):
        return table["no_interval"]
    return table["range"].format(low=signed(row["low"]), high=signed(row["high"]))


def published(figures: pd.DataFrame, several: pd.DataFrame, leaderboard: pd.DataFrame, strings: Strings) -> str:
    """Count the reproduced figures by document, with one seed and with several, and name those that are not.

    figures, several: `reports/published.csv` of a run with one seed and of one with several. Parameter counts are
    certain, and the settings of the `small` split were chosen to fit: both are counted apart.
    """
    words = strings["table"]
    small = leaderboard.loc[leaderboard["split"] == "small", "variant"]
    kind = figures["document"].where(figures["metric"] != "parameters", words["parameter_counts"])
    kind = kind.where(~figures["variant"].isin(small), words["calibrated"])
    beside = figures_beside(figures, several)
    results = {"one_seed": beside["result"], "several_seeds": beside["result_several"]}
    counts = {
        f"{words[run]}: {strings['results'][result]}": found == result
        for run, found in results.items()
        for result in sorted(set(found))
    }
    table = pd.DataFrame({words["figures"]: 1, **counts}, index=figures.index).groupby(kind.to_numpy()).sum()
    body = [[str(name), *map(str, row)] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    body.append([words["all"], *map(str, table.sum())])
    text = _table([words["document"], *table.columns], body)
    missed = beside[(beside["result"] != "reproduced") | (results["several_seeds"] != "reproduced")]
    if len(missed):
        keys = ["part", "metric", "epoch", "published", "tolerance", "ours", "result"]
        of_several = ["ours_several", "std_several", "seeds_several", "result_several"]
        of_head = ["not_reproduced", *keys, "mean_of_several", "standard_deviation", "seeds", "result"]
        rows = [
            [f"`{row['variant']}`", *(_said(key, row[key], strings) for key in [*keys, *of_several])]
            for _, row in missed.iterrows()
        ]
        text += f"\n\n{_table([words[key] for key in of_head], rows)}"
    return text


def _said(key: str, value: object, strings: Strings) -> str:
    section = {"part": "parts", "metric": "metrics", "result": "results", "result_several": "results"}.get(key)
    return strings[section].get(value, value) if section else cell(value)


def _table(head: list[str], body: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def filled(text: str, blocks: dict[str, str]) -> str:
    """Put each block between its marks. Raises: ValueError if a mark is missing."""
    for name, block in blocks.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"expected the marks <!-- {name} --> and <!-- /{name} -->, got none")
        text = pattern.sub(lambda match, block=block: f"{match[1]}{block}\n{match[2]}", text)  # type: ignore[misc]
    return text


def updated(
    text: str, one: Tables, several: Tables, params: Params, benchmarks: dict[str, Any], language: str = "en"
) -> str:
    """Fill a README's text with the tables of the reports, see `read_tables`, and the benchmarks'."""
    strings = read_strings(language)
    costs = determinism_costs(benchmarks.get("determinism", {}))
    blocks = {
        "overrides": overrides(params, strings),
        "answers": answers(several[ANSWERS], several[COMPARISONS], one[COMPARISONS], costs, language),
        "results": results(one[LEADERBOARD], strings),
        "published": published(one[PUBLISHED], several[PUBLISHED], one[LEADERBOARD], strings),
    }
    return filled(text, {name: blocks[name] for name in BLOCKS[language]})


TABLES = (*KEPT, LEADERBOARD)


def read_tables(read: Callable[[Path], str | None]) -> tuple[Tables, Tables]:
    """The tables of a run with one seed, and those that are kept of one with several; where none are, the same.

    read: gives the text of a file, or None if there is none.
    """
    one = {path: pd.read_csv(io.StringIO(read(path))) for path in TABLES}
    several = {path: read(kept(path)) for path in KEPT}
    return one, {path: one[path] if text is None else pd.read_csv(io.StringIO(text)) for path, text in several.items()}


def main(arguments: list[str] | None = None) -> None:
    """Update the READMEs, or say which are stale."""
    parser = argparse.ArgumentParser(prog="python -m stages.readme")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a README is stale")
    check = parser.parse_args(arguments).check
    one, several = read_tables(lambda path: path.read_text(encoding="utf-8") if path.exists() else None)
    benchmarks = json.loads(BENCHMARKS.read_text(encoding="utf-8"))
    behind = []
    for language, readme in READMES.items():
        before = readme.read_text(encoding="utf-8")
        after = updated(before, one, several, read_params(), benchmarks, language)
        if after != before:
            behind.append(str(readme))
            if not check:
                readme.write_text(after, encoding="utf-8")
    for line in stale(several, one):
        print(f"{line}; see stages/keep.py")
    if check and behind:
        sys.exit(f"stale: {', '.join(behind)}; run `python -m stages.readme`")


if __name__ == "__main__":
    main()
