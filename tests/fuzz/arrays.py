"""Mutations of arrays and of the files that hold them: .npz, safetensors, torch."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.fuzz.draws import HARM, TEXTS, mutate_bytes, mutate_document, pick
from tests.mistakes import Harmful

Values = NDArray[Any]

_TYPES = (
    *("<i1", "<i8", ">i8", "<u8", "<f2", ">f4", "<f4", ">f8", "<f8", "<f16", "<c16", "?", "U5"),
    *("S3", "O", "M8[s]", "m8[s]", "V8", "<u1"),
)
_EXTREME = (
    *(np.nan, np.inf, -np.inf, 1e308, -1e308, 1e154, 1e30, 1e12, 1e6, 1e-30, 1e-308, 5e-324),
    *(0.0, -0.0, -1.0, 1e3),
)


# -------------------------------------------------------------------------------------- arrays


def mutate_array(draw: Random, values: Values) -> tuple[Values, str]:
    """Change an array's numbers, shape, type or order."""
    name = pick(draw, list(_ARRAYS) if values.dtype.kind in "fiub" else ["empty", "no dimension"])
    with np.errstate(all="ignore"):
        return _ARRAYS[name](draw, np.atleast_1d(np.array(values))), name


def _some(draw: Random, values: Values) -> Values:
    if values.size == 0:
        return values
    flat = values.reshape(-1)
    number = pick(draw, _EXTREME)
    if flat.dtype.kind in "iu" and not np.isfinite(number):
        number = pick(draw, (-1, 2**31, 2**62))
    for _ in range(pick(draw, (1, 1, 3))):
        flat[draw.randrange(flat.size)] = np.array(number).astype(flat.dtype)
    return values


def _typed(draw: Random, values: Values) -> Values:
    kind = np.dtype(pick(draw, _TYPES))
    return values.astype("i8").astype(kind) if kind.kind in "MmV" else values.astype(kind)


def _of_objects(_draw: Random, values: Values) -> Values:
    found = np.empty(values.shape, object)
    found.fill(Harmful())
    return found


def _nan_text(_draw: Random, values: Values) -> Values:
    return np.zeros(values.shape, [("a", "<f8"), ("b", "<i4")])


_ARRAYS: dict[str, Callable[[Random, Values], Values]] = {
    "extreme numbers": _some,
    "extreme numbers, again": _some,
    "an extreme scale": lambda draw, v: v * pick(draw, _EXTREME),
    "a scale": lambda draw, v: v * pick(draw, (-1, 0, 0.1, 3, 30, 1000, 1e-3, 1e-6)),
    "all alike": lambda draw, v: np.full(v.shape, pick(draw, (0.0, 1.0, -1.0, 1e-12, 100.0))),
    "another type": _typed,
    "Python objects": _of_objects,
    "a structured type": _nan_text,
    "transposed": lambda _draw, v: v.T,
    "another order": lambda _draw, v: np.asfortranarray(v),
    "reversed": lambda _draw, v: v[::-1],
    "no dimension": lambda _draw, v: np.array(v.reshape(-1)[0] if v.size else 0.0),
    "empty": lambda _draw, v: v.reshape(-1)[:0],
    "empty inside": lambda _draw, v: v[..., :0],
    "one more dimension": lambda _draw, v: v[None],
    "flat": lambda _draw, v: v.reshape(-1),
    "one less": lambda _draw, v: v[1:],
    "one more": lambda _draw, v: np.concatenate([v, v[:1]]),
    "many dimensions": lambda _draw, v: v.reshape((1,) * (28 - v.ndim) + v.shape),
    "much more": lambda _draw, v: np.repeat(v, 1000, axis=0),
}


# ----------------------------------------------------------------------------------------- npz


def npy(values: Values) -> bytes:
    """Return the bytes of an .npy file, pickled where it holds objects."""
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=True)
    return stream.getvalue()


def header(draw: Random, values: Values) -> bytes:
    """Return an .npy whose header says something else than its numbers."""
    shape = pick(
        draw,
        ("(2**40,)", "(1099511627776,)", "(-1, 3)", "(3.5,)", "()", "'a'", "(10,)" * 99, "(1,1)"),
    )
    descr = pick(
        draw,
        (
            *("'<f8'", "'|O'", "'<f8,<f8'", "'x'", "5", "None", "'<M8[s]'", "'<f99'"),
            f"__import__('os').system('touch {HARM}')",
        ),
    )
    text = f"{{'descr': {descr}, 'fortran_order': {pick(draw, ('False', '7', 'x'))}, 'shape': "
    text = (text + shape + "}").ljust(pick(draw, (118, 117, 20_000, 60_000))) + "\n"
    version = pick(draw, (b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00", b"\x00\x00"))
    wide = 2 if version == b"\x01\x00" else 4
    body = np.ascontiguousarray(values.astype("<f8")).tobytes()
    return b"\x93NUMPY" + version + len(text).to_bytes(wide, "little") + text.encode() + body


def write_zip(draw: Random, path: Path, entries: Mapping[str, bytes]) -> str:
    """Write a zip with one of the tricks that zips can have; return which."""
    tricks = ("twice", "packed", "deep name", "bare name", "bomb", "note")
    trick = "" if draw.random() < 0.4 else pick(draw, tricks)
    how = pick(draw, (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(path, "w", how if trick == "packed" else zipfile.ZIP_STORED) as packed:
        for name, data in entries.items():
            shown = {"deep name": f"../../{name}", "bare name": name.removesuffix(".npy") or "a"}
            packed.writestr(shown.get(trick, name), data)
        if trick == "bomb":
            zeros = np.zeros((1, 1 << 24, 4), "<f4")  # 256 MiB
            packed.writestr("bomb.npy", npy(zeros), zipfile.ZIP_DEFLATED, 9)
        if trick == "note":
            packed.writestr("README.txt", pick(draw, TEXTS).encode("utf-8", "replace"))
    if trick == "twice":
        _double_an_entry(draw, path, entries)
    return trick


def _double_an_entry(draw: Random, path: Path, entries: Mapping[str, bytes]) -> None:
    name = pick(draw, list(entries))
    info = zipfile.ZipInfo(name)
    with zipfile.ZipFile(path, "a") as packed:
        packed.NameToInfo.pop(name, None)  # zipfile warns of doubles that it knows of
        packed.writestr(info, entries[pick(draw, list(entries))])


def _encrypted(path: Path) -> None:
    """Set the flag of encryption in every entry, here and in the directory."""
    data = bytearray(path.read_bytes())
    for mark, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        while at >= 0:
            data[at + flag] |= 1
            at = data.find(mark, at + 4)
    path.write_bytes(bytes(data))


def mutate_npz(draw: Random, path: Path) -> str:
    """Change an .npz file in place."""
    if draw.random() < 0.25:
        data, said = mutate_bytes(draw, path.read_bytes())
        path.write_bytes(data)
        return said
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    name = pick(draw, list(arrays))
    way = draw.random()
    entries = {f"{key}.npy": npy(value) for key, value in arrays.items()}
    if way < 0.7:
        changed, said = mutate_array(draw, arrays[name])
        entries[f"{name}.npy"] = npy(changed)
    elif way < 0.8:
        entries[f"{name}.npy"], said = header(draw, arrays[name]), "another header"
    elif way < 0.9:
        del entries[f"{name}.npy"]
        said = "removed"
    else:
        extra = pick(draw, TEXTS[:60])[:200].replace("\0", "0")  # where zipfile cuts a name off
        entries[f"{extra}.npy"] = npy(arrays[name])
        said = "an extra array"
    trick = write_zip(draw, path, entries) if entries else ""
    if draw.random() < 0.03:
        _encrypted(path)
        trick += " encrypted"
    return f"{name}: {said} {trick}".strip()


# -------------------------------------------------------------------------------- safetensors


def mutate_safetensors(draw: Random, path: Path) -> str:
    """Change a safetensors file in place: its bytes, its header or a tensor."""
    data = path.read_bytes()
    way = draw.random()
    if way < 0.25:
        data, said = mutate_bytes(draw, data)
    elif way < 0.5:
        length = int.from_bytes(data[:8], "little")
        entries, said = mutate_document(draw, json.loads(data[8 : 8 + length]))
        text = json.dumps(entries, skipkeys=True)
        if draw.random() < 0.1:
            text = text[:-1] + ', "head.bias": ' + "[" * 5000
        head = text.encode("utf-8", "surrogatepass")
        length = pick(draw, (len(head),) * 8 + (len(head) + 1, len(head) - 1, 2**62))
        data = length.to_bytes(8, "little") + head + data[8 + int.from_bytes(data[:8], "little") :]
    else:
        arrays = read_safetensors(data)
        name = pick(draw, list(arrays))
        values, said = mutate_array(draw, arrays[name])
        said = f"{name}: {said}"
        arrays[name] = values
        data = pack_safetensors(arrays)
    path.write_bytes(data)
    return said


_NAMES = {"f8": "F64", "f4": "F32", "f2": "F16", "i8": "I64", "i1": "I8", "u8": "U64", "u1": "U8"}


def read_safetensors(data: bytes) -> dict[str, Values]:
    """Return the tensors of a file that is as it should be, all float64."""
    length = int.from_bytes(data[:8], "little")
    found = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        begin, end = (8 + length + n for n in entry["data_offsets"])
        found[name] = np.frombuffer(data[begin:end], "<f8").reshape(entry["shape"])
    return found


def pack_safetensors(arrays: Mapping[str, Values]) -> bytes:
    """Return the bytes of a file, of whatever types: what the format does not know becomes C64."""
    entries: dict[str, Any] = {}
    body = b""
    for name, values in arrays.items():
        kind = _NAMES.get(values.dtype.str[1:], "BOOL" if values.dtype.kind == "b" else "C64")
        known = values if values.dtype.kind in "fiubc" else np.zeros(values.shape, "c8")
        packed = known.astype("<c8") if kind == "C64" else known
        raw = np.ascontiguousarray(packed.astype(packed.dtype.newbyteorder("<"))).tobytes()
        offsets = [len(body), len(body) + len(raw)]
        entries[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": offsets}
        body += raw
    head = json.dumps(entries).encode()
    return len(head).to_bytes(8, "little") + head + body


# --------------------------------------------------------------------------------------- torch


def write_torch(draw: Random, path: Path, arrays: Mapping[str, Values]) -> str:
    """Write a state_dict, in the format of today or the one before, and damage it."""
    import torch

    legacy = draw.random() < 0.4
    state: dict[Any, Any] = {name: torch.from_numpy(v.copy()) for name, v in arrays.items()}
    way, said = draw.random(), "nothing"
    name = pick(draw, list(state))
    if way < 0.5:
        said = pick(draw, list(_TENSORS))
        state[name] = _TENSORS[said](state[name])
    elif way < 0.65:
        said = pick(draw, list(_STATES))
        state = _STATES[said](state, name)
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    if way >= 0.65:
        data, said = mutate_bytes(draw, path.read_bytes())
        path.write_bytes(data)
        if not legacy and draw.random() < 0.4:
            torch.save(state, path)
            said = _inside(draw, path)
    return f"{name}: {said}{', legacy' if legacy else ''}"


def _inside(draw: Random, path: Path) -> str:
    """Damage one entry of the zip, not the zip itself."""
    with zipfile.ZipFile(path) as packed:
        entries = {name: packed.read(name) for name in packed.namelist()}
    name = pick(draw, list(entries))
    name = pick(draw, (name, next(n for n in entries if n.endswith("data.pkl"))))
    entries[name], said = mutate_bytes(draw, entries[name])
    with zipfile.ZipFile(path, "w") as packed:
        for key, data in entries.items():
            packed.writestr(key, data)
    return f"{name} {said}"


def _sparse(tensor: Any) -> Any:
    return tensor.reshape(-1, 1).to_sparse()


def _quantised(tensor: Any) -> Any:
    import torch

    return torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8)


_TENSORS: dict[str, Callable[[Any], Any]] = {
    "bfloat16": lambda t: t.bfloat16(),
    "half": lambda t: t.half(),
    "complex": lambda t: t.to(dtype=__import__("torch").complex64),
    "sparse": _sparse,
    "quantised": _quantised,
    "meta": lambda t: t.to("meta"),
    "a view": lambda t: t.reshape(-1)[:1].expand(1 << 20),
    "a wide view": lambda t: t.reshape(-1)[:1].expand(1 << 20, 1 << 12),
    "scaled": lambda t: t * 1e300,
    "nan": lambda t: t * float("nan"),
    "no tensor": lambda t: t.tolist(),
    "harm": lambda _t: Harmful(),
    "an empty one": lambda t: t[:0],
    "no dimension": lambda t: t.sum(),
}


def _nested(state: dict[Any, Any], name: str) -> dict[Any, Any]:
    for _ in range(100):
        state = {name[:3]: state}
    return state


def _in_itself(state: dict[Any, Any], _name: str) -> dict[Any, Any]:
    state["self"] = state
    return state


_STATES: dict[str, Callable[[dict[Any, Any], str], Any]] = {
    "nested": _nested,
    "in itself": _in_itself,
    "a list": lambda state, _name: list(state.values()),
    "a tensor": lambda state, name: state[name],
    "other keys": lambda state, name: {5: state[name], (1, 2): state[name], None: state[name]},
    "hostile keys": lambda state, name: state | {text[:300]: state[name] for text in TEXTS[:40]},
    "doubled": lambda state, name: state | {name.partition(".")[0]: {name.partition(".")[2]: 1}},
    "empty": lambda _state, _name: {},
}


def write_pickle(path: Path) -> None:
    """Write a plain pickle that does harm."""
    path.write_bytes(pickle.dumps(Harmful()))
