"""The arithmetic of the level ``ideal`` in torch, torch.compile and JAX, beside the array's own.

Each peer runs the network of `mru_hw.lab.array_job.make_case`: CMRU layers with a skip of 1, the
mean of the outputs over all frames, its largest class. Products of all frames at once, the memory
frame after frame, `DIES` dies at a time; float32, one thread. Of the behavioral level torch runs
the twin (`mru_hw.twin`) of one die. What is not installed, or does not
compile here, says so in place of figures.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mru_hw.lab.array_job import Job
from mru_hw.model.network import Model
from mru_hw.simulate.compile import compile_die
from mru_hw.simulate.run import Chip
from mru_hw.stimulus import Inputs
from mru_hw.twin.parameters import Straight
from mru_hw.twin.walk import TwinRun
from mru_hw.variation import nominal_die

DIES = 10
ONE_DIE = "twin, one die"
Forward = Callable[[Any, Any], Any]


def _columns(inputs: Inputs) -> NDArray[np.float32]:
    """Return inputs as (feature, time times sequence)."""
    x = inputs.x.transpose(2, 1, 0)
    return np.ascontiguousarray(x.reshape(x.shape[0], -1), np.float32)


def _parts(model: Model, make: Callable[[Any], Any]) -> list[dict[str, Any]]:
    """Cut the tensors into runs of `DIES` dies."""
    n_die = len(model.tensors["head.bias"])
    return [
        {name: make(values[k : k + DIES]) for name, values in model.tensors.items()}
        for k in range(0, n_die, DIES)
    ]


def _torch_forward(model: Model, n_time: int) -> Forward:
    limits = [float(layer.levels or 0) for layer in model.spec.layers]

    def affine(w: dict[str, torch.Tensor], name: str, v: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(w[f"{name}.bias"][:, :, None], w[f"{name}.weight"], v)

    def forward(w: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        n_die, n_seq = len(w["head.bias"]), x.shape[1] // n_time
        v = affine(w, "input", x.expand(n_die, -1, -1))
        for i, limit in enumerate(limits):
            name = f"layers.{i}."
            c = affine(w, f"{name}candidate", v)
            beta, alpha = (w[name + one][:, :, None] for one in ("beta", "alpha"))
            rise = c >= beta
            step = rise.to(c.dtype) - ((c <= -beta) & ~rise).to(c.dtype)
            level = w[f"{name}initial_state"][:, :, None]
            levels = []
            for part in step.reshape(n_die, -1, n_time, n_seq).unbind(2):
                level = torch.clamp(level + part, -limit, limit)
                levels.append(level)
            h = torch.stack(levels, dim=2).reshape(n_die, -1, n_time * n_seq)
            v = v + affine(w, f"{name}output", alpha * h)
        y = affine(w, "head", v)
        return y.reshape(n_die, -1, n_time, n_seq).mean(2).argmax(1)

    return forward


def torch_job(model: Model, inputs: Inputs, *, compiled: bool = False) -> Job:
    """Prepare torch's eager mode, or what torch.compile makes of the same function."""
    forward: Any = _torch_forward(model, inputs.x.shape[1])
    if compiled:
        forward = torch.compile(forward)
    x, parts = torch.from_numpy(_columns(inputs)), _parts(model, torch.from_numpy)

    def run() -> NDArray[np.int64]:
        with torch.no_grad():
            return np.concatenate([forward(part, x).numpy() for part in parts])

    return run


def jax_job(model: Model, inputs: Inputs) -> Job:
    """Prepare JAX: the same function under ``jit``, its memory a ``lax.scan``."""
    jax = importlib.import_module("jax")
    jnp, limits = jax.numpy, [float(layer.levels or 0) for layer in model.spec.layers]
    n_time = inputs.x.shape[1]

    def affine(w: Any, name: str, v: Any) -> Any:
        return jnp.matmul(w[f"{name}.weight"], v) + w[f"{name}.bias"][:, :, None]

    def forward(w: Any, x: Any) -> Any:
        n_die, n_seq = len(w["head.bias"]), x.shape[1] // n_time
        v = affine(w, "input", x[None])
        for i, limit in enumerate(limits):
            name = f"layers.{i}."
            c = affine(w, f"{name}candidate", v)
            beta, alpha = (w[name + one][:, :, None] for one in ("beta", "alpha"))
            rise = c >= beta
            step = rise.astype(c.dtype) - ((c <= -beta) & ~rise).astype(c.dtype)

            def climb(level: Any, part: Any, limit: float = limit) -> Any:
                level = jnp.clip(level + part, -limit, limit)
                return level, level

            steps = jnp.moveaxis(step.reshape(n_die, -1, n_time, n_seq), 2, 0)
            start = jnp.broadcast_to(w[f"{name}initial_state"][:, :, None], steps.shape[1:])
            _, levels = jax.lax.scan(climb, start, steps)
            h = jnp.moveaxis(levels, 0, 2).reshape(n_die, -1, n_time * n_seq)
            v = v + affine(w, f"{name}output", alpha * h)
        y = affine(w, "head", v)
        return jnp.argmax(y.reshape(n_die, -1, n_time, n_seq).mean(2), axis=1)

    compiled = jax.jit(forward)
    x, parts = jnp.asarray(_columns(inputs)), _parts(model, jnp.asarray)

    def run() -> NDArray[np.int64]:
        return np.concatenate([np.asarray(compiled(part, x)) for part in parts])

    return run


def twin_job(model: Model, inputs: Inputs) -> Job:
    """Prepare the twin of the first die's chip, nominal, with its supply and without gradients."""
    tensors = {name: values[0].astype(np.float64) for name, values in model.tensors.items()}
    chip = Chip(Model(spec=model.spec, tensors=tensors))
    die = nominal_die(chip.design)
    made = compile_die(chip.design, chip.calibration, die, temperature=27.0, dtype=np.float32)
    plain = {name: torch.tensor(values, dtype=torch.float32) for name, values in tensors.items()}
    straight = Straight(chip.design, plain)
    x = torch.from_numpy(np.ascontiguousarray(inputs.x.transpose(2, 1, 0), np.float32))

    def run() -> NDArray[np.float32]:
        with torch.no_grad():
            output: NDArray[np.float32] = TwinRun(
                made, straight, x, v_dd=1.8, supply=True
            ).output.numpy()
            return output

    return run


def peers(model: Model, inputs: Inputs) -> tuple[dict[str, Job], dict[str, str]]:
    """Prepare every peer; return jobs, and why there is none of a peer."""
    torch.set_num_threads(1)
    jobs = {"torch": torch_job(model, inputs), ONE_DIE: twin_job(model, inputs)}
    absent: dict[str, str] = {}
    kinds: dict[str, Callable[[], Job]] = {
        "torch.compile": lambda: torch_job(model, inputs, compiled=True),
        "jax": lambda: jax_job(model, inputs),
    }
    for name, prepare in kinds.items():
        try:
            job = prepare()
            job()
        except ImportError:
            absent[name] = "not installed"
        except RuntimeError as error:  # no compiler, or one that fails
            absent[name] = str(error).strip().splitlines()[0]
        else:
            jobs[name] = job
    return jobs, absent
