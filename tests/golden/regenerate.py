"""Write the golden netlists again, after a change that is meant to change decks.

    python -m tests.golden.regenerate

The networks are two of `tests.agreement.networks`, with fixed thresholds and with thresholds from
the input: no training, so that nothing but the mapping, the cells and the emitter can change them;
the other dialects are translated from the first one's golden ngspice decks, so that nothing but
their translators can change those. Look at the difference before committing.
"""

from __future__ import annotations

from pathlib import Path

from mru_hw.spice.deck import BENCH, CHIP
from mru_hw.spice.dialects import DIALECTS
from mru_hw.spice.folder import write_netlist
from mru_hw.technology import load_technology
from mru_hw.technology.conditions import nominal_conditions
from tests.agreement.networks import chip_of, two_units, two_windows

GOLDEN = Path(__file__).parents[2] / "netlists" / "golden" / "two-units"
NETWORKS = {GOLDEN.name: two_units, "two-windows": two_windows}
TRANSLATED = tuple(name for name in DIALECTS if name != "ngspice")


def write(out: Path, network: str = GOLDEN.name) -> None:
    chip = chip_of(NETWORKS[network]())
    write_netlist(
        out,
        chip.model,
        chip.design,
        chip.calibration,
        conditions=nominal_conditions(chip.design.technology),
    )


def translate(dialect: str) -> dict[str, str]:
    """The golden ngspice decks and the shipped cards in another dialect, by file name."""
    language = DIALECTS[dialect]
    decks = {
        language.file(name): [*language.lines((GOLDEN / name).read_text().splitlines())]
        for name in (CHIP, BENCH)
    }
    texts = {name: "".join(f"{line}\n" for line in lines) for name, lines in decks.items()}
    return texts | language.model_files(load_technology("generic180"))


def golden(dialect: str) -> Path:
    return GOLDEN.with_name(f"{GOLDEN.name}-{dialect}")


if __name__ == "__main__":
    for name in NETWORKS:
        write(GOLDEN.with_name(name), name)
    for other in TRANSLATED:
        golden(other).mkdir(exist_ok=True)
        for file, text in translate(other).items():
            (golden(other) / file).write_text(text)
