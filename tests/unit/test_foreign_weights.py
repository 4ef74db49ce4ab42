"""Somebody else's weights: what is asked for is read, and nothing else is in the way."""

from __future__ import annotations

import io
import itertools
import json
import random
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save as save_safetensors

from mru_hw.arrays import Arrays
from mru_hw.errors import UserError
from mru_hw.model.foreign import read_foreign
from mru_hw.stimulus import load_inputs
from tests.mistakes import Harmful, sentence

W = torch.tensor([[0.5, -1.25], [3.0, 1e-3]], dtype=torch.float64)


def _nested() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nested tensors are a prototype
        return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])


def _quantised() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so are these, on their way out
        return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)


# What torch can save and this project has no use for, and what is said where it is asked for.
ODD: dict[str, tuple[Callable[[], torch.Tensor], str]] = {
    "quantised": (_quantised, "a quantised tensor, expected real numbers"),
    "meta": (
        lambda: torch.empty(3, device="meta"),
        "a meta tensor, which has no numbers, expected real numbers",
    ),
    "nested": (_nested, "a nested tensor, expected real numbers"),
    "complex": (
        lambda: torch.ones(3, dtype=torch.complex64),
        "of complex numbers (torch.complex64), expected real numbers",
    ),
    "conjugate": (
        lambda: torch.ones(3, dtype=torch.complex128).conj(),
        "of complex numbers (torch.complex128), expected real numbers",
    ),
    "compressed": (
        lambda: torch.eye(3).to_sparse_csc(),
        "a tensor of torch.float32, torch.sparse_csc, expected plain real numbers",
    ),
    "packed": (
        lambda: torch.ones(3, dtype=torch.uint8).view(torch.float4_e2m1fn_x2),
        "a tensor of torch.float4_e2m1fn_x2, torch.strided, expected plain real numbers",
    ),
    "huge": (
        lambda: torch.zeros(1).expand(1 << 40),
        f"of {1 << 40} numbers, expected at most 134217728",
    ),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "net.bin"


@pytest.mark.parametrize("kind", ODD)
def test_a_tensor_that_nobody_asks_for_is_in_nobodys_way(kind: str, file: Path) -> None:
    make, told = ODD[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"w": W, "odd": make()}, file)
    found = read_foreign(file)
    assert list(found) == ["w", "odd"]
    assert np.array_equal(found["w"], W.numpy())
    assert sentence(lambda: found["odd"]) == f"net.bin: odd is {told}."


@pytest.mark.parametrize(
    "tensor",
    [
        W.to_sparse(),
        torch.view_as_complex(W).conj().imag,  # a view that negates
        W.t(),
        W[:, 1],
        W.to(torch.bfloat16),
        W.to(torch.float8_e4m3fn),
        W.to(torch.uint16),
        W > 0,
        torch.nn.Parameter(W),
    ],
    ids=["sparse", "negated", "turned", "cut", "bf16", "fp8", "uint16", "bool", "parameter"],
)
def test_tensors_of_every_make_are_read_exactly(tensor: torch.Tensor, file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"w": tensor}, file)
    plain = tensor.detach().to_dense().resolve_neg().to(torch.float64).numpy()
    assert np.array_equal(read_foreign(file)["w"].astype(np.float64), plain)


def test_a_sparse_tensor_with_indices_beyond_its_shape_is_refused(file: Path) -> None:
    beyond = torch.sparse_coo_tensor(
        torch.tensor([[7]]), torch.tensor([1.0]), (2,), check_invariants=False
    )
    torch.save({"w": W, "odd": beyond}, file)
    found = read_foreign(file)
    assert np.array_equal(found["w"], W.numpy())
    assert "odd is a tensor of torch.float32, torch.sparse_coo" in sentence(lambda: found["odd"])


@pytest.mark.parametrize(
    ("content", "name", "places"),
    [
        ({"a": {"b": W}, "a.b": -W, "c": W}, "a.b", "['a']['b'] and ['a.b']"),
        ({1: W, "1": -W, "c": W}, "1", "[1] and ['1']"),
        ({"a": {"b": {"c": W}}, "a.b": {"c": W}, "c": W}, "a.b.c", "['a']['b']['c'] and ['a.b']"),
    ],
)
def test_names_that_meet_are_refused_where_they_are_asked_for(
    content: dict[Any, Any], name: str, places: str, file: Path
) -> None:
    torch.save(content, file)
    found = read_foreign(file)
    assert np.array_equal(found["c"], W.numpy())
    told = sentence(lambda: found[name])
    assert told.startswith(f"net.bin: {name} is the name of 2 tensors, {places}")
    assert told.endswith(", expected one tensor of this name.")


def test_a_state_dict_that_holds_itself_is_refused(file: Path) -> None:
    ring: dict[str, Any] = {"w": W}
    ring["again"] = ring
    torch.save(ring, file)
    told = sentence(lambda: read_foreign(file))
    assert told.endswith(
        "expected a state_dict whose names have at most 67108864 characters in all."
    )


# ---------------------------------------------------------------------------- safetensors


# Beside those of torch, all kinds that the format knows but two.
KINDS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "F8_E8M0": torch.float8_e8m0fnu,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "U8": torch.uint8,
    "U16": torch.uint16,
    "U32": torch.uint32,
    "U64": torch.uint64,
    "BOOL": torch.bool,
}


def _safetensors(**tensors: tuple[str, list[int], bytes]) -> bytes:
    header, data = {}, b""
    for name, (kind, shape, numbers) in tensors.items():
        ends = [len(data), len(data) + len(numbers)]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": ends}
        data += numbers
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_number_is_read_as_torch_reads_it(kind: str, file: Path) -> None:
    """All patterns of 8 and 16 bits, some of more."""
    dtype = KINDS[kind]
    size = dtype.itemsize
    if dtype is torch.bool:
        codes = np.arange(2, dtype="u1")
    elif size <= 2:
        codes = np.arange(256**size, dtype=f"<u{size}")
    else:
        codes = np.frombuffer(np.random.default_rng(1).bytes(size * 1000), f"<u{size}")
    raw = codes.tobytes()
    stored = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(dtype)
    file.write_bytes(_safetensors(w=(kind, [2, len(codes) // 2], raw)))
    read = read_foreign(file)["w"]
    assert read.shape == (2, len(codes) // 2)
    with np.errstate(invalid="ignore"):  # signalling NaNs
        assert np.array_equal(
            read.reshape(-1).astype(np.float64), stored.double().numpy(), equal_nan=True
        )


def test_kinds_that_no_number_stands_for_are_refused_where_they_are_asked_for(file: Path) -> None:
    odd = {"f4": ("F4", [4], b"12"), "c": ("C64", [1], bytes(8)), "new": ("F6_X", [3], b"123456")}
    file.write_bytes(_safetensors(**odd, w=("F64", [], struct.pack("<d", 0.1))))
    found = read_foreign(file)
    assert float(found["w"]) == 0.1
    told = sentence(lambda: found["f4"])
    assert told.startswith(
        "net.bin: f4 is of the kind F4, expected one of F64, F32, F16, BF16, F8_E4M"
    )
    assert sentence(lambda: found["new"]).startswith("net.bin: new is of the kind F6_X, expected ")
    assert found["c"].dtype == np.complex64


@pytest.mark.parametrize("first", [b"\x80", b"PK"])
def test_a_header_whose_length_looks_like_another_file(first: bytes, file: Path) -> None:
    """128 and 19280 bytes of header: the first byte of a pickle, the first two of a zip."""
    length = int.from_bytes(first, "little")
    data = save_safetensors({"w": W})
    header = data[8 : 8 + int.from_bytes(data[:8], "little")].strip()
    padded = header + b" " * (length - len(header))
    file.write_bytes(struct.pack("<Q", length) + padded + W.numpy().tobytes())
    assert file.read_bytes().startswith(first)
    assert np.array_equal(read_foreign(file)["w"], W.numpy())


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda d: d[:-1],
    "too long": lambda d: d + b"\0",
    "a header beyond the end": lambda d: struct.pack("<Q", len(d)) + d[8:],
    "no JSON": lambda d: d.replace(b"{", b"{{", 1),
    "a shape that does not fit": lambda d: d.replace(b"[2,2]", b"[2,3]"),
    "a negative size": lambda d: d.replace(b"[2,2]", b"[-2,-2]"[:5]),
    "offsets with a hole": lambda d: d.replace(b"[0,32]", b"[1,32]"),
    "offsets of text": lambda d: d.replace(b"[0,32]", b'"0,32"'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_damaged_header_is_told(name: str, file: Path) -> None:
    file.write_bytes(BROKEN[name](save_safetensors({"w": W})))
    assert sentence(lambda: read_foreign(file)).startswith("file is damaged or no safetensors")


def test_a_name_that_stands_twice_is_damage(file: Path) -> None:
    entry = b'"w":{"dtype":"F64","shape":[],"data_offsets":[0,8]}'
    text = b"{" + entry + b"," + entry + b"}"
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    assert sentence(lambda: read_foreign(file)).startswith("file is damaged or no safetensors")


# ---------------------------------------------------------------------------- names, .npz


@pytest.mark.parametrize("ending", ["safetensors", "pt", "npz", "npy", "bin", "csv"])
@pytest.mark.parametrize("kind", ["torch", "old torch", "safetensors", "npz"])
def test_what_a_file_is_its_first_bytes_tell(kind: str, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"net.{ending}"
    with file.open("wb") as stream:
        if kind == "safetensors":
            stream.write(save_safetensors({"w": W}))
        elif kind == "npz":
            np.savez(stream, w=W.numpy())
        else:
            torch.save({"w": W}, stream, _use_new_zipfile_serialization=kind == "torch")
    found = read_foreign(file)
    assert list(found) == ["w"]
    assert np.array_equal(found["w"], W.numpy())


def _npz(path: Path, **more: Any) -> Path:
    with path.open("wb") as stream:
        np.savez(stream, x=np.ones((2, 3, 4)), **more)
    return path


def _both(path: Path) -> dict[str, Callable[[], Any]]:
    return {"inputs": lambda: load_inputs(path).x, "weights": lambda: read_foreign(path)["x"]}


@pytest.mark.parametrize("what", ["inputs", "weights"])
def test_an_object_array_that_nobody_asks_for_is_in_nobodys_way(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _npz(tmp_path / "x.npz", note=np.array([Harmful()], dtype=object))
    assert np.array_equal(_both(path)[what](), np.ones((2, 3, 4)))
    assert not Path("harm-done").exists()


def test_an_object_array_that_is_asked_for_is_never_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _npz(tmp_path / "x.npz", y=np.array([Harmful()], dtype=object))
    expected = (
        "x.npz: y is an array of Python objects, expected plain numbers, no pickle and not damaged."
    )
    assert sentence(lambda: load_inputs(path)) == expected
    assert sentence(lambda: read_foreign(path)["y"]) == expected
    assert not Path("harm-done").exists()


@pytest.mark.parametrize("what", ["inputs", "weights"])
def test_other_things_in_an_npz_are_in_nobodys_way(what: str, tmp_path: Path) -> None:
    path = _npz(tmp_path / "x.npz")
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as packed:
        warnings.simplefilter("ignore")  # about the double
        packed.writestr("README.txt", "mine")
        packed.writestr("cut.npy", b"\x93NUMPY\x01\x00v\x00{")
        packed.writestr("twice.npy", b"1")
        packed.writestr("twice.npy", b"2")
    assert np.array_equal(_both(path)[what](), np.ones((2, 3, 4)))
    found = read_foreign(path)
    assert set(found) == {"x", "cut", "twice"}
    assert sentence(lambda: found["cut"]).startswith("x.npz: cut is unreadable, expected plain num")
    assert sentence(lambda: found["twice"]) == "x.npz: twice is 2 arrays of one name, expected one."


def test_an_encrypted_array_is_told(tmp_path: Path) -> None:
    path = _npz(tmp_path / "x.npz")
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1  # the flag of encryption
    path.write_bytes(bytes(data))
    assert sentence(lambda: load_inputs(path)).startswith("x.npz: x is unreadable, expected plain")


# ---------------------------------------------------------------------------- anything else


def _kinds() -> list[bytes]:
    streams = [io.BytesIO() for _ in range(4)]
    weights = {"a": W, "b": {"c": W.to(torch.bfloat16)}, "s": W.to_sparse()}
    torch.save(weights, streams[0])
    torch.save(weights, streams[1], _use_new_zipfile_serialization=False)
    np.savez(streams[2], a=W.numpy(), o=np.array([{}], dtype=object))
    np.savez_compressed(streams[3], a=W.numpy())
    return [*(s.getvalue() for s in streams), save_safetensors({"a": W, "b": W.half()})]


def test_damage_of_any_kind_is_a_sentence(file: Path) -> None:
    """Bytes changed, lost and added, by a seed: each file is read, or refused in one sentence."""
    rng, kinds = random.Random(5), _kinds()
    ends = {"read": 0, "refused": 0}
    for data in itertools.islice(itertools.cycle(kinds), 600):
        damaged = bytearray(data)
        for _ in range(rng.choice((1, 2, 5, 20))):
            k = rng.randrange(len(damaged))
            change = rng.random()
            if change < 0.6:
                damaged[k] = rng.randrange(256)
            elif change < 0.8:
                del damaged[k : k + rng.randrange(1, 9)]
            else:
                damaged[k:k] = rng.randbytes(rng.randrange(1, 5))
        file.write_bytes(bytes(damaged))
        ends["read" if _all_read(file) else "refused"] += 1
    assert min(ends.values()) > 20


def _all_read(file: Path) -> bool:
    try:
        found: Arrays = read_foreign(file)
        return all(found[name].size >= 0 for name in found)
    except UserError as error:
        return "\n" in str(error)
