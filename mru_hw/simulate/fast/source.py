"""From the laws and the loops, as they stand in the package, to a compiled kernel.

The kernel is one module of text: the laws of `mru_hw.circuits` and the loops of
`mru_hw.simulate.fast.loops`, taken from their own source, so that a law is stated once. Numbers in
a law become numbers of the kernel's type (a float64 constant would widen float32 arithmetic), and
numpy's elementary functions those of `mru_hw.simulate.fast.elementary`. The module is a file in the
user's cache, named by a hash of its text, beside which numba keeps the machine code: a change of a
law makes another file, so no stale code can run.
"""

from __future__ import annotations

import ast
import copy
import functools
import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from mru_hw.circuits.legs.leakage import branch_supply, leg_current
from mru_hw.circuits.nodes.laws import log_rail, net_current, rectified_node, signed_node, split
from mru_hw.circuits.window.law import meeting_rail
from mru_hw.model.memory.recurrence import climbed, held_step, signed_step
from mru_hw.simulate.fast import (
    elementary,
    ideal_loops,
    lanes,
    lines,
    loops,
    nodes,
    noise_lane,
    noise_reach,
    units,
)
from mru_hw.simulate.fast import noise as noise_loops
from mru_hw.simulate.noise_laws import meeting, own_devices, passed, sigma
from mru_hw.variation import noise as noise_draws

LAWS: tuple[Callable[..., Any], ...] = (
    split,
    log_rail,
    signed_node,
    rectified_node,
    net_current,
    leg_current,
    branch_supply,
    meeting_rail,
    passed,
    sigma,
    meeting,
    own_devices,
)
STEP_LAWS = (signed_step, held_step)
"""What memory cells ask for at the level ``ideal``, in the order of the loops' branches."""
WIDE_LOOPS = (lines.clear, lines.product)
"""Loops that noise has over lines of its own too, as wide for any number of lanes."""
LANES = 64
"""Sequences of a block, as `mru_hw.simulate.blocks` cuts them."""
_REPLACED = {
    "np.log": "log",
    "np.exp": "exp",
    "np.maximum": "maximum",
    "np.minimum": "minimum",
    "np.abs": "abs",
}
_HEAD = '''"""Made by mru_hw.simulate.fast.source from the package's own laws and loops."""
import numpy as np
from numba import njit

F = np.{dtype}
LANES = {lanes}
CHUNK = {chunk}
CHAIN = {chain}
PART = {part}
WIDE = {wide}
MARKS = {marks}
MARKED = {marked}
IDLE = {idle}
'''


_IDEAL_HEAD = '''"""Made by mru_hw.simulate.fast.source from the package's recurrences and loops."""
import numpy as np
from numba import njit

F = np.{dtype}
ONE = F(1)
TILE = {tile}
'''
_INLINE = "inline='always', error_model='numpy'"
# Multiplications and additions may contract, the same way in every lane. Nothing is allocated, so
# nobody counts who holds an array: a sixth of a run's time would go there.
_LOOPS = "cache=True, error_model='numpy', fastmath={'contract'}, _nrt=False"
# Of two products in one sum either may contract, and a compiler that makes a function twice, for
# itself and within its caller, need not choose alike; nor need a later process run the same one.
_EXACT = "cache=True, error_model='numpy', fastmath=False, _nrt=False"
_DRAWS_HEAD = """

import math
from statistics import NormalDist

"""


class _Typed(ast.NodeTransformer):
    """Gives a law's numbers the kernel's type and its functions the kernel's names."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return ast.Call(
                func=ast.Name("F", ast.Load()), args=[ast.Constant(node.value)], keywords=[]
            )
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        name = ast.unparse(node)
        return ast.Name(_REPLACED[name], ast.Load()) if name in _REPLACED else node


@functools.cache
def _functions(module: str) -> dict[str, ast.FunctionDef]:
    """Read a module's functions by name; by line, a file that changed since would mislead."""
    path = sys.modules[module].__file__
    assert path is not None
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    return {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}


def _function(of: Callable[..., Any]) -> ast.FunctionDef:
    """Return a function's own text, without words and types."""
    tree = copy.deepcopy(_functions(of.__module__)[of.__name__])
    for argument in (*tree.args.args, *tree.args.kwonlyargs):
        argument.annotation = None
    tree.returns = None
    if ast.get_docstring(tree) is not None:
        tree.body = tree.body[1:]
    return tree


def _text(tree: ast.FunctionDef, decorator: str) -> str:
    return f"\n\n@njit({decorator})\n{ast.unparse(ast.fix_missing_locations(tree))}\n"


def kernel_text(dtype: DTypeLike, width: int = LANES) -> str:
    """Return the text of the kernel's module for one number type."""
    name = np.dtype(dtype).name
    head = _HEAD.format(
        dtype=name,
        lanes=width,
        chunk=lines.CHUNK,
        chain=lines.CHAIN,
        part=noise_lane.PART,
        wide=noise_lane.WIDE,
        marks=noise_reach.MARKS,
        marked=noise_reach.MARKED,
        idle=lanes.IDLE,
    )
    parts = [head]
    inline = _INLINE
    compared = (elementary.maximum, elementary.minimum)
    parts += [_text(_function(plain), inline) for plain in compared]
    for plain in ("log", "exp"):
        tree = _function(getattr(elementary, f"{plain}_{name}"))
        tree.name = plain
        parts.append(_text(tree, inline))
    for law in LAWS:
        tree = _Typed().visit(_function(law))
        parts.append(_text(tree, inline))
    parts.append(_draws(inline))
    for loop in _loops():
        exact = loop.__module__ == noise_lane.__name__
        decorator = _INLINE if loop is units.stepped else _EXACT if exact else _LOOPS
        parts.append(_text(_function(loop), decorator))
        if loop in WIDE_LOOPS:
            parts.append(_wide(loop))
    return "".join(parts)


def _wide(loop: Callable[..., Any]) -> str:
    """Return the text of a loop over lines of lanes as one over lines of the noise's two halves."""
    tree = _function(loop)
    tree.name = f"{tree.name}_wide"
    for part in ast.walk(tree):
        if isinstance(part, ast.Name) and part.id == "LANES":
            part.id = "WIDE"
    return _text(tree, _LOOPS)


def _draws(inline: str) -> str:
    """Return the text of the noise's draws: integers, so no number in it changes its type."""
    path = noise_draws.__file__
    assert path is not None
    tree = ast.parse(Path(path).read_text(encoding="utf-8"))
    values = {
        name.id: one
        for one in tree.body
        if isinstance(one, ast.Assign)
        for target in one.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    wanted: set[ast.stmt] = set()
    waiting = ["ROUNDS", "LARGEST", "mixed", "next_key", "normal"]
    while waiting:
        name = waiting.pop()
        found = functions.get(name) or values.get(name)
        if found is not None and found not in wanted:
            wanted.add(found)
            waiting += [part.id for part in ast.walk(found) if isinstance(part, ast.Name)]
    parts = [_DRAWS_HEAD]
    for one in tree.body:
        if one not in wanted:
            continue
        if not isinstance(one, ast.FunctionDef):
            parts.append(f"{ast.unparse(one)}\n")
        elif one.name == "coefficients":  # what makes the table is no part of a loop
            parts.append(f"\n\n{ast.unparse(_function(noise_draws.coefficients))}\n")
        else:
            parts.append(_text(_function(getattr(noise_draws, one.name)), inline))
    return "".join(parts)


def _loops() -> list[Callable[..., Any]]:
    """List the loops in the order of their text."""
    return [
        getattr(module, name)
        for module in (lines, lanes, nodes, units, noise_lane, noise_reach, noise_loops, loops)
        for name in _functions(module.__name__)
    ]


@functools.cache
def kernel(dtype: str, width: int = LANES) -> ModuleType:
    """Return the compiled module of a number type; what it compiles, it compiles when called."""
    return _loaded(kernel_text(dtype, width))


@functools.cache
def ideal_kernel(dtype: str) -> ModuleType:
    """Return the compiled module of the level ``ideal``, likewise."""
    return _loaded(ideal_text(dtype))


def ideal_text(dtype: DTypeLike) -> str:
    """Return the text of the level ``ideal``: the recurrences and their loops."""
    head = _IDEAL_HEAD.format(dtype=np.dtype(dtype).name, tile=ideal_loops.TILE)
    names = {name: value for name, value in vars(ideal_loops).items() if type(value) is int}
    parts = [head, *(f"{name} = {value}\n" for name, value in names.items() if name != "TILE")]
    compared = (elementary.maximum, elementary.minimum)
    parts += [_text(_function(plain), _INLINE) for plain in compared]
    parts += [_text(_Typed().visit(_function(law)), _INLINE) for law in (*STEP_LAWS, climbed)]
    for name in _functions(ideal_loops.__name__):
        parts.append(_text(_function(getattr(ideal_loops, name)), _LOOPS))
    return "".join(parts)


def _loaded(text: str) -> ModuleType:
    """Write a module's text and import it."""
    name = f"mru_hw_kernel_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    if name in sys.modules:
        return sys.modules[name]
    path = _written(f"{name}.py", text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _written(name: str, text: str) -> Path:
    """Write the text into the user's cache, or where that cannot be written into a folder in /tmp.

    Two processes may write at once: what they write is the same, and its time is fixed, so that
    machine code made with either file is that of both.
    """
    for folder in (_cache(), Path(tempfile.gettempdir()) / f"mru_hw-{os.getuid()}"):
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not (path.is_file() and path.read_text(encoding="utf-8") == text):
                handle, part = tempfile.mkstemp(dir=folder, suffix=".part")
                with os.fdopen(handle, "w", encoding="utf-8") as stream:
                    stream.write(text)
                os.utime(part, (0, 0))
                Path(part).replace(path)
        except OSError:
            continue
        return path
    raise OSError(f"no folder for {name}")


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "mru_hw" / "kernels"
