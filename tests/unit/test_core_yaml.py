"""YAML 1.2's core schema: what plain scalars mean, and that what is written reads back."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mru_hw import core_yaml
from mru_hw.files import read_yaml
from mru_hw.model.io import load_model, save_model
from mru_hw.model.network import Model
from tests.mistakes import sentence
from tests.networks import draw_model, make_spec

ROOT = Path(__file__).parents[2]

# The examples of YAML 1.2.2, section 10.3.2, and what YAML 1.1 reads otherwise.
SCALARS: list[tuple[str, Any]] = [
    *((text, None) for text in ("null", "Null", "NULL", "~", "")),
    *((text, True) for text in ("true", "True", "TRUE")),
    *((text, False) for text in ("false", "False", "FALSE")),
    *(("0", 0), ("12", 12), ("-19", -19), ("+7", 7), ("010", 10), ("08", 8), ("-007", -7)),
    *(("0o7", 7), ("0o17", 15), ("0x3A", 58), ("0xff", 255)),
    *(("0.", 0.0), ("-0.0", -0.0), (".5", 0.5), ("+12e03", 12e3), ("-2E+05", -2e5)),
    *(("1e-1", 0.1), ("1e3", 1e3), ("1e+3", 1e3), ("6.", 6.0), ("1.e2", 100.0), ("010.5", 10.5)),
    *((".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf), (".nan", math.nan)),
    *((text, text) for text in ("yes", "Yes", "no", "NO", "on", "off", "y", "n", "tRUE", "nULL")),
    *((text, text) for text in ("10:20", "190:20:30", "1:2.5", "0b11", "1_000", "1_0.5", "0x_f")),
    *((text, text) for text in ("2001-12-14", "2001-12-14t21:59:43Z", "<<", "=", "0o8")),
    *((text, text) for text in ("0x", "+0x10", "-0o7", "1e", "e3", ".", "1__0", "-.nan", "1 000")),
]


def same(one: object, other: object) -> bool:
    """Whether two values are alike, of the same kind, signs of zero and NaN included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[0,5, 1]", "0,5"),
        ("[1, -2,5]", "-2,5"),
        ("[1,8 V]", "1,8 V"),
        ("[1,8 V, 2,0 V]", "1,8 V"),
        ("{constant: 0,5}", "0,5"),
        ("{b: 0,5, c: 1}", "0,5"),
    ],
)
def test_a_decimal_comma_in_a_list_is_no_two_numbers(text: str, shown: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"b: 1\na: {text}\n")
    assert sentence(lambda: read_yaml(path)) == (
        f"a.yaml is not plain YAML in line 2 ({shown} may be one number or two), expected a point "
        "before decimals, and a space after each comma of a list."
    )


@pytest.mark.parametrize(
    "text", ["[0,5]", "[1,2,3]", "[[0,5], null]", "['0',5, 1]", "{b: 1,c: 2}", "[1.5,2.5, 3]"]
)
def test_lists_that_are_plain_are_read(text: str) -> None:
    assert core_yaml.load(f"a: {text}".encode())["a"] == yaml.safe_load(text)


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_a_plain_scalar_means_what_the_core_schema_says(text: str, value: object) -> None:
    for layout in (
        f"a: {text}\n",
        f"a: {text}   # more\n",
        f"{{a: {text}}}",
        f'"a":\r\n  {text}\r\n',
    ):
        assert same(core_yaml.load(layout.encode()), {"a": value}), layout
    assert same(core_yaml.load(f"a: '{text}'".encode()), {"a": text})


def test_merge_keys_and_dates_are_plain_keys() -> None:
    read = core_yaml.load(b"base: &b {x: 1}\nmore: {<<: *b, 2001-12-14: no}")
    assert read["more"] == {"<<": {"x": 1}, "2001-12-14": "no"}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
def test_utf_8_with_and_without_a_byte_order_mark(mark: bytes) -> None:
    assert core_yaml.load(mark + "é: 1\r\n".encode()) == {"é": 1}


@pytest.mark.parametrize("text", ["1e400", "-1e999", "9" * 400, "-" + "9" * 5000, "0x" + "f" * 400])
def test_a_number_beyond_all_floats_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"b: 1\na: {text}\n")
    assert sentence(lambda: read_yaml(tmp_path / "a.yaml")).startswith(
        "a.yaml is not plain YAML in line 2 (a number beyond 1.8e+308), expected "
    )


@pytest.mark.parametrize("line", ["sequences: 10:", "a: b: c", "frame_period: 25 ms: x"])
def test_a_second_colon_is_told_to_be_quoted(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"b: 1\n{line}\n")
    assert sentence(lambda: read_yaml(tmp_path / "a.yaml")) == (
        "a.yaml is not plain YAML in line 2 (mapping values are not allowed here), expected one "
        'key a line, and text that ends in a colon in quotes, such as "10:".'
    )


PLAIN = [text for text, _ in SCALARS]
LEAVES = st.one_of(
    st.sampled_from(PLAIN),
    st.from_regex(r"[-+.0-9a-fxoE:_~ ]{1,6}", fullmatch=True),
    st.text(),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
)
TREES = st.recursive(LEAVES, lambda t: st.lists(t) | st.dictionaries(st.text(), t), max_leaves=10)


@given(
    st.dictionaries(st.sampled_from(PLAIN) | st.text(), TREES),
    st.sampled_from([{}, {"width": 100, "default_flow_style": None}]),
)
def test_what_is_written_reads_back_in_either_version(
    document: dict[str, Any], layout: dict[str, Any]
) -> None:
    text = core_yaml.dump(document, **layout)
    assert same(core_yaml.load(text.encode()), document)
    assert same(yaml.safe_load(text), document)


def test_a_model_keeps_names_that_look_like_numbers(tmp_path: Path) -> None:
    names = ("010", "1e-1", "10:20")
    spec = make_spec().model_copy(
        update={"classes": names, "provenance": {"no": ["1_000", "yes", 1e-5, 1e20, 010.5]}}
    )
    save_model(Model(spec=spec, tensors=draw_model(spec, 0).tensors), tmp_path / "model")
    read = load_model(tmp_path / "model").spec
    assert read == spec
    assert read.classes == names


class _Before(yaml.SafeLoader):
    """YAML 1.1, as PyYAML has it, but for its dates."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own way)
        first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _shipped() -> list[tuple[str, str]]:
    folders = ("circuits", "calibration", "mru_hw", "docs")
    found = [p for folder in folders for p in sorted((ROOT / folder).rglob("*.yaml"))]
    texts = [(str(p.relative_to(ROOT)), p.read_text(encoding="utf-8")) for p in found]
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        blocks = re.findall(r"(?ms)^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"))
        texts += [(f"{page.name} {k}", block) for k, block in enumerate(blocks)]
    return texts


@pytest.mark.parametrize("text", [pytest.param(t, id=name) for name, t in _shipped()])
def test_every_shipped_document_reads_as_before(text: str) -> None:
    """But for numbers with an exponent and no point, which were text that became numbers later."""

    def alike(new: object, old: object) -> bool:
        if isinstance(new, dict) and isinstance(old, dict):
            return list(new) == list(old) and all(alike(new[key], old[key]) for key in new)
        if isinstance(new, list) and isinstance(old, list):
            return len(new) == len(old) and all(map(alike, new, old))
        if isinstance(new, float) and isinstance(old, str):
            return re.fullmatch(r"[0-9]+e-?[0-9]+", old) is not None and new == float(old)
        return same(new, old)

    assert alike(core_yaml.load(text.encode()), yaml.load(text, Loader=_Before))
