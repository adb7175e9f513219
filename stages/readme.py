"""Write the generated tables of the READMEs and of docs/: `python -m stages.readme`.

    python -m stages.readme            # after `python -m stages.keep`
    python -m stages.readme --check    # writes nothing, and fails if one is stale

Everything between `<!-- name -->` and `<!-- /name -->` in the files of `PAGES` is generated, in the words of
`stages/presentation/words/`, from the tables in `reports/one_seed/` and `reports/several_seeds/`; a test fails if it is
stale. Kept tables that do not belong together, or not to the run in the workspace, are printed.
"""

import argparse
import html
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from stages.artifacts.tables import LEADERBOARD, PUBLISHED, TRAININGS
from stages.comparison.verdicts import Answer
from stages.configure import catalogue_of
from stages.params.overrides import recipes
from stages.params.schema import Params, read_params
from stages.presentation.determinism import COSTS, Cost, costs_of
from stages.presentation.effect_plot import DOES, Block, blocks, divergence
from stages.presentation.effects import Effect, effects
from stages.presentation.formats import cell, leaderboard_columns, with_intervals
from stages.presentation.kept import (
    COMPARED,
    KEPT,
    ONE_SEED,
    SEVERAL_SEEDS,
    Tables,
    folder_of,
    kept,
    stale,
    with_several_seeds,
)
from stages.presentation.markdown import table
from stages.presentation.words import Strings, read_strings, text
from stages.reporting import EFFECTS


class Page(NamedTuple):
    """A file with generated tables: its language and the names of its blocks."""

    language: str
    blocks: tuple[str, ...]


PAGES = {
    Path("README.md"): Page("en", ("effects", "answers")),
    Path("README.ko.md"): Page("ko", ("effects", "answers")),
    Path("docs/results.md"): Page("en", ("answers in full", "results", "published", "overrides")),
    Path("docs/results.ko.md"): Page("ko", ("answers in full", "results", "published")),
}
BY_EPOCH = ("B", "E")
"""Documents that print values of single epochs."""
PRINTED_BY_EPOCH = 246
"""Number of these values in both."""


def results(leaderboard: pd.DataFrame, language: str = "en") -> str:
    """Format the leaderboard, see `stages.compare`: one Markdown table per data set, best first."""
    words = read_strings(language)["table"]
    parts = []
    for name, rows in leaderboard.groupby("dataset"):
        dataset = str(name)
        columns = leaderboard_columns(dataset)
        rows = with_intervals(dataset, rows)
        rows = rows.reindex(columns=list(dict.fromkeys([*rows, "diverged", *columns])))  # perhaps none has the metric
        head = [words[key] for key in ("variant", "split", "parameters", "epochs")]
        head += [heading[language] for heading in columns.values()]
        ranked, *others = columns
        body = [
            [
                *(f"`{row['variant']}`", row["split"], cell(float(row["parameters"])), cell(float(row["epochs"]))),
                _with_divergence(cell(row[ranked]), row["diverged"], words),
                *(cell(row[column]) for column in others),
            ]
            for _, row in rows.iterrows()
        ]
        parts.append(f"### {text('titles', dataset)[language]}\n\n{table(head, body)}")
    return "\n\n".join(parts)


def _with_divergence(shown: str, share: float, words: Mapping[str, str]) -> str:
    """A value and the share of the trainings that diverged, if any; it is that of the others."""
    if not share > 0:
        return shown
    return f"{shown} ({words['share_diverged'].format(share=100 * share)})" if shown else words["diverged"]


def picture(plot: Sequence[Block], language: str = "en") -> str:
    """Show the plot of effects as fits the reader's colors and screen; its description names every row by its word."""
    words = read_strings(language)
    light, dark, phone, phone_dark = (path.as_posix() for path in EFFECTS)
    said = [words["page"]["title"]]
    by_word: dict[str, list[str]] = {does: [] for does in DOES.values()}
    for block in plot:
        unit = "" if block.metric in ("accuracy", "") else words["metrics"][block.metric] + " "
        for row in block.rows:
            by_word.setdefault(row.does, []).append(f"{row.title[language]}, {unit}{row.size[language]}")
    said += [f"{words['does'][does].capitalize()}: {'; '.join(named)}." for does, named in by_word.items() if named]
    narrow, night = "(max-width: 600px)", "(prefers-color-scheme: dark)"
    sources = {f"{narrow} and {night}": phone_dark, narrow: phone, night: dark}
    return "\n".join(
        [
            "<picture>",
            *(f'<source media="{media}" srcset="{path}">' for media, path in sources.items()),
            f'<img src="{light}" alt="{html.escape(" ".join(said))}">',
            "</picture>",
        ]
    )


def answers(found: Sequence[Effect], language: str = "en") -> str:
    """Format the answers in short, one line for each question. found: see `stages.presentation.effects`."""
    words = read_strings(language)["table"]
    body = [[effect.question[language], _short_answer(effect, language), _amount(effect, language)] for effect in found]
    return table([words[key] for key in ("question", "answer", "how_much")], body)


def _amount(effect: Effect, language: str) -> str:
    note = divergence(effect)
    return f"{effect.amount[language]}; {note[language]}" if note else effect.amount[language]


def answers_in_full(found: Sequence[Effect], language: str = "en") -> str:
    """Format the answers with their parts, what is compared, how sure they are and what to know of them."""
    words = read_strings(language)["table"]
    body = [
        [
            effect.question[language],
            _answer(effect, language),
            f"{effect.amount[language]}<br>{effect.compared[language]}",
            effect.sureness[language],
            effect.caveat[language] if effect.caveat else "",
        ]
        for effect in found
    ]
    return table([words[key] for key in ("question", "answer", "how_much", "how_sure", "but")], body)


def _short_answer(effect: Effect, language: str) -> str:
    """The answer, and how many parts of the claim hold."""
    word = read_strings(language)["answers"][effect.answer]
    return f"**{word}**{effect.short_answer[language].removeprefix(word)}"


def _answer(effect: Effect, language: str) -> str:
    """The answer and, if the parts of the claim differ in theirs, the parts by answer."""
    words = read_strings(language)["answers"]
    lines = [_short_answer(effect, language)]
    answers = [answer for answer in Answer if any(part.answer == answer for part in effect.parts)]
    for answer in answers if len(answers) > 1 else ():
        claims = [part.claim[language].rstrip(".") for part in effect.parts if part.answer == answer]
        lines.append(f"{words[answer]}: {'; '.join(claims)}")
    return "<br>".join(lines)


OVERRIDES: dict[str, dict[str, Any]] = {
    "dropout=0.3": {"dropout": 0.3},
    "epochs=20": {"epochs": 20},
    "learning_rate=0.01": {"learning_rate": 0.01},
    "batch_size=32": {"batch_size": 32},
    "'optimizer={class: SGD, learning_rate: 0.01}'": {"optimizer": {"class": "SGD", "learning_rate": 0.01}},
    "dropout=0.3 -S epochs=30": {"dropout": 0.3, "epochs": 30},
    "jit_compile=false": {"jit_compile": False},
    "seed=43": {"seed": 43},
    "seeds=5": {"seeds": 5},
}
"""Examples: what stands behind `-S`, and what it changes in the parameters."""


def overrides(params: Params, strings: Strings) -> str:
    """Format which variants each override trains again: those whose recipe it changes."""
    words = strings["table"]
    before = dict(recipes(params))
    body = []
    for override, changes in OVERRIDES.items():
        after = dict(recipes(params.model_copy(update=changes)))
        changed = [name for name in before if after[name] != before[name]]
        others = [name for name in before if name not in changed]
        fewer, prefix = (changed, "") if len(changed) <= len(others) else (others, words["all_but"])
        names = ", ".join(f"`{name}`" for name in fewer)
        body.append([f"`-S {override}`", str(len(changed)), f"{prefix}{names}" if others else words["all"]])
    return table([words[key] for key in ("override", "train_again", "which")], body)


def published(one_seed: pd.DataFrame, several: pd.DataFrame, leaderboard: pd.DataFrame, strings: Strings) -> str:
    """Count the published values by document and result, and list those that one of two runs did not reproduce.

    Parameter counts, which are certain, are counted apart, and so are variants on the splits under `counted_apart` in
    the words. one_seed, several: published.csv of a run with one seed and of one with several.
    """
    words = strings["table"]
    kind = one_seed["document"].where(one_seed["metric"] != "parameters", words["parameter_counts"])
    for split, name in strings["counted_apart"].items():
        kind = kind.where(~one_seed["variant"].isin(leaderboard.loc[leaderboard["split"] == split, "variant"]), name)
    both = with_several_seeds(one_seed, several)
    found = {"one_seed": both["result"], "several_seeds": both["result_several"]}
    counts = {
        f"{words[run]}: {strings['results'][result]}": of_run == result
        for run, of_run in found.items()
        for result in sorted(set(of_run))
    }
    counted = pd.DataFrame({words["values"]: 1, **counts}, index=one_seed.index)
    by_kind = counted.groupby(kind.to_numpy()).sum()
    body = [[str(name), *map(str, row)] for name, row in zip(by_kind.index, by_kind.to_numpy(), strict=True)]
    body.append([words["all"], *map(str, by_kind.sum())])
    blocks = [table([words["document"], *by_kind.columns], body)]
    if of_epochs := int((one_seed["document"].isin(BY_EPOCH) & one_seed["epoch"].notna()).sum()):
        printed = {"printed": PRINTED_BY_EPOCH, "others": PRINTED_BY_EPOCH - of_epochs}
        blocks.append(words["not_compared"].format(compared=of_epochs, **printed))
    missed = both[(both["result"] != "reproduced") | (both["result_several"] != "reproduced")]
    if len(missed):
        blocks.append(_missed(missed, strings))
    return "\n\n".join(blocks)


def _missed(rows: pd.DataFrame, strings: Strings) -> str:
    words = strings["table"]
    keys = ["part", "metric", "epoch", "published", "tolerance", "ours", "result"]
    several = ["ours_several", "std_several", "seeds_several", "result_several"]
    heads = ["not_reproduced", *keys, "mean_of_several", "standard_deviation", "seeds", "result"]
    body = [
        [f"`{row['variant']}`", *(_in_words(key, row[key], strings) for key in [*keys, *several])]
        for _, row in rows.iterrows()
    ]
    return table([words[key] for key in heads], body)


def _in_words(key: str, value: object, strings: Strings) -> str:
    section = {"part": "parts", "metric": "metrics", "result": "results", "result_several": "results"}.get(key)
    return strings[section].get(value, value) if section else cell(value)


def filled(text: str, blocks: Mapping[str, str]) -> str:
    """Put each block between its marks. Raises: ValueError if a mark is missing."""
    for name, block in blocks.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"expected the marks <!-- {name} --> and <!-- /{name} -->, got none")
        text = pattern.sub(lambda match, block=block: f"{match[1]}{block}\n{match[2]}", text)  # type: ignore[misc]
    return text


def updated(text: str, page: Page, one: Tables, several: Tables, params: Params, costs: Sequence[Cost]) -> str:
    """Fill in the generated blocks of a page. one, several: see `read_tables`. Raises: as `filled`."""
    strings = read_strings(page.language)
    found = effects(several, catalogue_of(params).variants, costs)
    generated: dict[str, Callable[[], str]] = {
        "effects": lambda: picture(blocks(found), page.language),
        "answers": lambda: answers(found, page.language),
        "answers in full": lambda: answers_in_full(found, page.language),
        "results": lambda: results(one[LEADERBOARD], page.language),
        "published": lambda: published(one[PUBLISHED], several[PUBLISHED], one[LEADERBOARD], strings),
        "overrides": lambda: overrides(params, strings),
    }
    return filled(text, {name: generated[name]() for name in page.blocks})


Read = Callable[[Path], str | None]
"""Gives the text of a file, None if it is missing."""


def read_text(path: Path) -> str | None:
    """Read a file of the workspace."""
    return path.read_text(encoding="utf-8") if path.exists() else None


def read_tables(read: Read = read_text) -> tuple[Tables, Tables]:
    """Read the kept tables of a run with one seed and of one with several; without the latter, the former twice.

    Raises: ValueError if a table of the run with one seed is missing.
    """
    one, several = ({path: _csv(read(kept(path, folder))) for path in KEPT} for folder in (ONE_SEED, SEVERAL_SEEDS))
    found = {path: content for path, content in one.items() if content is not None}
    for path in KEPT:
        if path not in found:
            raise ValueError(f"expected {kept(path, ONE_SEED)}, got none; `python -m stages.keep` writes it")
    return found, {path: found[path] if content is None else content for path, content in several.items()}


def read_costs(read: Read = read_text) -> list[Cost]:
    """Read what determinism costs; empty without the table of the benchmarks."""
    content = _csv(read(COSTS))
    return [] if content is None else costs_of(content)


def _csv(content: str | None) -> pd.DataFrame | None:
    return None if content is None else pd.read_csv(io.StringIO(content))


def stale_lines(one: Tables, several: Tables) -> list[str]:
    """List the kept tables that do not belong together, and those that do not belong to the run in the workspace."""
    lines = stale(several, one)
    run = {path: pd.read_csv(path) for path in COMPARED if path.exists()}
    if len(run) == len(COMPARED):
        folder = folder_of(run[TRAININGS])
        lines += stale(one if folder == ONE_SEED else several, run, folder, run_folder=None)
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Update the pages, or name those that are stale."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.readme", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a page is stale")
    check = parser.parse_args(arguments).check
    try:
        one, several = read_tables()
        params = read_params()
    except ValueError as error:
        sys.exit(str(error))
    costs = read_costs()
    behind = []
    for path, page in PAGES.items():
        try:
            before = path.read_text(encoding="utf-8")
            after = updated(before, page, one, several, params, costs)
        except (OSError, ValueError) as error:
            sys.exit(f"{path.as_posix()}: {error.strerror if isinstance(error, OSError) else error}")
        if after != before:
            behind.append(path.as_posix())
            if not check:
                path.write_text(after, encoding="utf-8", newline="\n")
    for line in stale_lines(one, several):
        print(f"{line}; see stages/keep.py")
    if check and behind:
        sys.exit(f"stale: {', '.join(behind)}; run `python -m stages.readme`")


if __name__ == "__main__":
    main()
