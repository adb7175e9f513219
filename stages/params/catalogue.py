"""The catalogue: which variants and splits there are, for the stages that do not depend on `params.yaml`.

`stages.configure` writes `data/catalogue.json`. It changes when variants, their splits or their titles do.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

CATALOGUE = Path("data/catalogue.json")


@dataclass(frozen=True)
class VariantEntry:
    """A variant, but for its recipe."""

    dataset: str
    split: str
    title: str
    """The name that readers see."""
    base: str | None = None


@dataclass(frozen=True)
class Catalogue:
    """Variants and splits by name, in the order of `params.yaml`."""

    variants: Mapping[str, VariantEntry]
    datasets: Mapping[str, tuple[str, ...]]
    """Names of the splits of each data set."""

    def title(self, variant: str) -> str:
        """Give the name that readers see; the variant's own if it has none, or is gone."""
        return self.variants[variant].title if variant in self.variants else variant


def write_catalogue(catalogue: Catalogue, path: Path = CATALOGUE) -> None:
    """Write the catalogue as JSON."""
    text = json.dumps(asdict(catalogue), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def read_catalogue(path: Path = CATALOGUE) -> Catalogue:
    """Read what `stages.configure` wrote; ValueError if it is not there."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: expected the file that `dvc repro configure` leaves, got none") from None
    return Catalogue(
        variants={name: VariantEntry(**entry) for name, entry in content["variants"].items()},
        datasets={name: tuple(splits) for name, splits in content["datasets"].items()},
    )
