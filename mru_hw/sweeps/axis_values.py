"""The axes of PLAN.yaml: an entry for each that varies, read as the table of axes has it."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Annotated, Any, Literal, Self, TypeVar, get_args

from pydantic import Field, ValidationError, create_model, model_validator
from pydantic.functional_validators import AfterValidator

from mru_hw.documents import Document, Pair, Several, mistake
from mru_hw.errors import MISSING, UserError
from mru_hw.sweeps.axes import AXES, Axis

DIE_SEED_LIMIT = 1 << 62
DIE = "die"
"""The axis that is no setting of a point: it names the dies that each point is run on."""
_Item = TypeVar("_Item", bound=Hashable)


def _different(values: tuple[_Item, ...]) -> tuple[_Item, ...]:
    if len(set(values)) < len(values):
        raise ValueError("expected values that differ from each other")
    return values


_Seed = Annotated[int, Field(ge=0, lt=DIE_SEED_LIMIT)]
Count = Annotated[int, Field(ge=1)]


class AxisValues(Document):
    """An entry of a plan's axes; `document_of` an axis says of which type its values are."""

    axis: str
    values: tuple[Any, ...] | None = None
    between: Any = None
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.between is None:
            if self.values is None:
                raise UserError("values", MISSING, "a value, for this key is required")
            if self.scale != "linear":
                raise UserError("scale", self.scale, "no such key without between")
            return self
        if self.values is not None:
            raise UserError("between", list(self.between), "no such key beside values")
        if type(self).model_fields["between"].annotation is Any:
            why = "name dies, which no sample draws" if self.axis == DIE else "are no numbers"
            raise UserError("between", self.between, f"values, for those of the axis {why}")
        low, high = self.between
        if not low < high:
            raise UserError("between", [low, high], "two values that ascend")
        if self.scale == "log" and not low > 0:
            raise UserError("between", [low, high], "numbers above 0, for the scale is log")
        return self

    @property
    def draws(self) -> int:
        """Networks that are drawn at each value; 1 where the axis draws none."""
        return int(getattr(self, "trials", 1))


def axis_names() -> tuple[str, ...]:
    """Return the names of all axes that a plan may have."""
    return (DIE, *AXES)


def mistaken(name: str) -> str:
    """Return what mistakes call the value of an axis."""
    return name if name == DIE else AXES[name].option or name


def document_of(name: str) -> type[AxisValues]:
    """Return the type of a plan's entry for an axis."""
    return _DIES if name == DIE else _document_of(AXES[name])


@cache
def _document_of(axis: Axis) -> type[AxisValues]:
    return _document(axis.name, axis.kind, axis.description, axis.example, axis.trials)


def _document(
    name: str, kind: Any, description: str, example: tuple[Any, ...], trials: int | None = None
) -> type[AxisValues]:
    values: Any = Annotated[
        Several[kind],
        Field(
            min_length=1,
            description=description,
            examples=[list(example)],
            json_schema_extra={"uniqueItems": True},
        ),
        AfterValidator(_different),
    ]
    ends: Any = Annotated[
        Pair[kind, kind],  # type: ignore[misc]
        Field(description="ends that a sample's values lie between, both included"),
    ]
    fields: dict[str, Any] = {"axis": (Literal[name], ...), "values": (values | None, None)}
    if name != DIE and get_args(kind)[0] in {int, float}:  # a sample draws points and no dies
        fields["between"] = (ends | None, None)
    if trials is not None:
        fields["trials"] = (Annotated[Count, Field(description="draws at each value")], trials)
    return create_model(name, __base__=AxisValues, **fields)


_DIES = _document(DIE, _Seed, "seeds of single dies, as Chip.run takes them", (7, 0))


def read_axes(axes: object) -> object:
    """Read each entry as its own axis has it."""
    if not isinstance(axes, (list, tuple)):
        return axes
    return [_read_axis(f"axes.{k}", one) for k, one in enumerate(axes)]


def _read_axis(place: str, one: object) -> object:
    if not isinstance(one, dict):
        return one
    name = one.get("axis", MISSING)
    if not isinstance(name, str) or name not in axis_names():
        raise UserError(f"{place}.axis", name, "one of " + ", ".join(axis_names()))
    try:
        return document_of(name).model_validate(one)
    except UserError as error:
        at = _wrong_value(name, one) if error.field == mistaken(name) else "values"
        raise below(place, error.renamed({mistaken(name): at})) from None
    except ValidationError as error:
        raise below(place, mistake(error.errors(include_url=False)[0], one)) from None


def _wrong_value(name: str, one: dict[str, Any]) -> str:
    """Return where the first value stands that an axis does not take by itself."""
    for kind in ("values", "between"):
        for k, value in enumerate(one.get(kind) or ()):
            try:
                document_of(name).model_validate({"axis": name, "values": [value]})
            except UserError:
                return f"{kind}.{k}"
    return "values"


def below(place: str, error: UserError) -> UserError:
    """Return the same error with its field in a part of the document."""
    field = f"{place}.{error.field}" if error.field else place
    return UserError(field, error.value, error.expected)
