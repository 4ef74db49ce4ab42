"""The structure of a trained network, as ``model.yaml`` states it (no units but the frame)."""

from __future__ import annotations

import enum
import re
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue, field_validator, model_validator

from mru_hw.documents import Document, Several, Word
from mru_hw.errors import Bare, UserError
from mru_hw.model.memory import CellByName
from mru_hw.units import LONGEST_FRAME, SHORTEST_FRAME, Seconds

FORMAT_VERSION = 1

Count = Annotated[int, Field(gt=0)]

# Words that mean something to ngspice at the start of a line, or as a node.
_CONTROL_WORDS = re.compile(
    r"ac|alter|altermod|control|csparam|dc|dcop|destroy|echo|else|end|endc|endif|"
    r"endl|ends|exit|func|gnd|global|ground|hardcopy|ic|if|inc|include|let|lib|"
    r"load|meas|measure|model|nodeset|noise|op|option|options|param|plot|print|"
    r"probe|pss|pz|quit|rawfile|reset|resume|run|save|sens|set|setplot|shell|"
    r"source|sp|step|stop|subckt|temp|tf|title|tran|unlet|unset|vdd|vss|wrdata|"
    r"while|write",
    re.IGNORECASE,
)


class ReadoutKind(enum.StrEnum):
    """How a sequence of outputs becomes a decision; ties go to the lowest index."""

    MEAN = "mean"
    VOTE = "vote"
    LAST = "last"


class LayerSpec(Document):
    """One memory layer.

    ``out = o + skip * v`` with ``o = [ReLU](W_o h + b_o)``, ``h = memory(c)``,
    ``c = [ReLU](W_c u + b_c)`` and ``u = [ReLU](v)``; v is the layer's signed input.
    """

    name: str = Field(
        default="",
        description="for reports and netlists; letters, digits and _, not a control word of SPICE",
    )
    cell: CellByName = Field(description="the memory cell")
    n_units: Count = Field(description="memory units")
    n_out: Count = Field(description="width of the layer's output")
    levels: Count | None = Field(
        default=None, description="K: a CMRU unit has 2K+1 levels; null leaves it free"
    )
    threshold: Literal["fixed", "input"] = Field(
        default="fixed", description="beta per unit, or from the layer's input"
    )
    rectify_input: bool = Field(default=False, description="ReLU on the layer's input")
    rectify_candidate: bool = Field(default=False, description="ReLU on the candidate")
    rectify_output: bool = Field(default=False, description="ReLU on the output, before the skip")
    skip: Literal[0, 1, "matrix"] = Field(
        default=0, description="what of the signed input is added to the output"
    )

    @property
    def n_candidates(self) -> int:
        """How many candidates drive its units; 0 of a cell that reads the layer's input itself."""
        return self.n_units * self.cell.candidates

    @property
    def n_states(self) -> int:
        """How wide its h is, which the output map reads."""
        return self.n_units * self.cell.outputs

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        # Names reach netlists: a space, a newline or a dot command would change the circuit.
        if value and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,31}", value):
            raise ValueError("expected letters, digits and _ only, at most 32, not a digit first")
        if _CONTROL_WORDS.fullmatch(value):
            raise ValueError("expected a name that is no control word of ngspice")
        return value


class Normalisation(Document):
    """Raw data to network input: ``(x - mean) / scale``, per feature."""

    mean: Several[float] = Field(description="of each feature, in the data's unit")
    scale: Several[float] = Field(description="of each feature, in the data's unit, above 0")

    @field_validator("scale")
    @classmethod
    def _positive(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not v > 0 for v in value):
            raise ValueError("expected positive numbers")
        return value


class Structure(Document):
    """The structure of a network, without where it comes from; MAP.yaml holds it too."""

    format_version: Literal[1] = Field(default=1, description="of this file")
    frame_period: Seconds = Field(
        ge=SHORTEST_FRAME, le=LONGEST_FRAME, description="one input time step [s]: the data's hop"
    )
    n_in: Count = Field(description="features of one input frame")
    n_hidden: Count = Field(description="width of the input projection h0")
    n_classes: Count = Field(description="outputs of the head")
    layers: Several[LayerSpec] = Field(
        min_length=1, max_length=1000, description="the memory layers, first to last"
    )
    readout: Word[ReadoutKind] = Field(default=ReadoutKind.MEAN, description="outputs to decision")
    normalisation: Normalisation | None = Field(default=None, description="null: none")
    classes: Several[str] | None = Field(default=None, description="names of the outputs")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [layer.name.lower() for layer in self.layers]
        for index, layer in enumerate(self.layers):
            why = f"because the cell is {layer.cell.name}"
            if layer.levels is not None and not layer.cell.takes_levels:
                raise UserError(f"layers.{index}.levels", layer.levels, f"none (null), {why}")
            if layer.threshold == "input" and not layer.cell.threshold_names:
                raise UserError(f"layers.{index}.threshold", "input", f"fixed, {why}")
            if layer.skip == 1 and layer.n_out != self.width_in(index):
                width = f"{self.width_in(index)} (the layer's input) because skip is 1"
                raise UserError(f"layers.{index}.n_out", layer.n_out, width)
            if layer.name and names.index(layer.name.lower()) != index:
                raise UserError(
                    f"layers.{index}.name", layer.name, "a name that no other layer has"
                )
        if self.normalisation is not None:
            for name in ("mean", "scale"):
                self._sized(f"normalisation.{name}", getattr(self.normalisation, name), self.n_in)
        if self.classes is not None:
            self._sized("classes", self.classes, self.n_classes)
        return self

    @staticmethod
    def _sized(field: str, values: tuple[object, ...], expected: int) -> None:
        if len(values) != expected:
            raise UserError(field, Bare(f"{len(values)} long"), f"a list of {expected}")

    def width_in(self, index: int) -> int:
        """Width of the signed input v of layer `index`."""
        return self.n_hidden if index == 0 else self.layers[index - 1].n_out

    @property
    def width_head(self) -> int:
        """Width of what the head reads."""
        return self.layers[-1].n_out

    def tensor_shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of ``model.safetensors`` and its shape; weights are (out, in)."""
        shapes: dict[str, tuple[int, ...]] = {
            "input.weight": (self.n_hidden, self.n_in),
            "input.bias": (self.n_hidden,),
        }
        for i, layer in enumerate(self.layers):
            n, v = layer.n_units, self.width_in(i)
            p = f"layers.{i}."
            if layer.n_candidates:
                m = layer.n_candidates
                shapes |= {p + "candidate.weight": (m, v), p + "candidate.bias": (m,)}
            memory = layer.cell.tensors(n, v, by_input=layer.threshold == "input")
            shapes |= {p + name: shape for name, shape in memory.items()}
            shapes[p + "output.weight"] = (layer.n_out, layer.n_states)
            shapes[p + "output.bias"] = (layer.n_out,)
            if layer.skip == "matrix":
                shapes[p + "skip.weight"] = (layer.n_out, v)
        shapes |= {
            "head.weight": (self.n_classes, self.width_head),
            "head.bias": (self.n_classes,),
        }
        return shapes


class ModelSpec(Structure):
    """All of ``model.yaml``: the structure of a network and where it comes from."""

    provenance: dict[str, JsonValue] = Field(default_factory=dict, description="how it was made")
    metrics: dict[str, JsonValue] = Field(default_factory=dict, description="what it reached")


def normalised(spec: Structure, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return raw frames (..., n_in) as the network sees them."""
    if spec.normalisation is None:
        return x
    result: NDArray[np.float64] = x - np.array(spec.normalisation.mean)
    result /= np.array(spec.normalisation.scale)
    return result
