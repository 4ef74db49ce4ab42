"""An unfinished training on disk, in ``<MODEL>.part/``: no pickle, every file whole.

``checkpoint.json`` says which training it is and that it is not complete; ``state.safetensors``
holds weights and optimiser after the last saved epoch. Random numbers need no state: each epoch
draws from its own child of the seed.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors import torch as st
from torch import Tensor

from mru_hw.arrays import digest
from mru_hw.documents import Document
from mru_hw.errors import UserError
from mru_hw.files import WRITABLE, read_bytes, usable, validated, whole_file
from mru_hw.model.io import save_model
from mru_hw.model.network import Model

IDENTITY = "checkpoint.json"
STATE_FILE = "state.safetensors"
_SHA256 = "sha256"
"""Of all other tensors: a training that goes on with other numbers ends with other bits."""


class _Identity(Document):
    complete: bool
    training: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a training stands.

    Attributes
    ----------
    epochs_done
        Whole epochs behind.
    weights
        The network's state dict.
    optimizer
        The optimiser's state of each parameter, in its own order.
    """

    epochs_done: int
    weights: dict[str, Tensor]
    optimizer: dict[int, dict[str, Tensor]]


class Checkpoint:
    """The folder ``<MODEL>.part`` of one training.

    Parameters
    ----------
    out
        The model that the training will write.
    digest
        Which training this is.
    """

    def __init__(self, out: Path, digest: str) -> None:
        self.out = out
        self.digest = digest
        place = out.absolute()  # "." has no name
        self.folder = place.with_name(place.name + ".part")

    def open(self) -> Progress | None:
        """Return where the training stands; None at its beginning.

        Raises
        ------
        UserError
            The folder belongs to another training, or is none of ours.
        """
        identity = self.folder / IDENTITY
        with usable(self.folder, "out", WRITABLE):
            begun = identity.is_file()
            taken = self.folder.exists() and (not self.folder.is_dir() or self._foreign())
        if not begun:
            if taken:
                expected = f"nothing there, or the unfinished training of {self.out.name}"
                raise UserError("out", str(self.folder), expected)
            self._begin()
            return None
        found = self._identity(identity)
        if found.training != self.digest:
            raise UserError(
                "out",
                str(self.out),
                f"another path, for {self.folder.name} beside it is the unfinished training of "
                "another configuration (or remove that folder)",
            )
        return self._load() if (self.folder / STATE_FILE).is_file() else None

    def save(self, progress: Progress) -> None:
        """Write where the training stands, in place of what was saved before."""
        packed = {f"weights/{name}": value for name, value in progress.weights.items()}
        for index, values in progress.optimizer.items():
            packed |= {f"optimizer/{index}/{key}": value for key, value in values.items()}
        packed["epochs_done"] = torch.tensor(progress.epochs_done)
        packed[_SHA256] = _sha256(packed)
        data = st.save({name: value.contiguous() for name, value in packed.items()})
        with whole_file(self.folder / STATE_FILE) as part:
            part.write_bytes(data)

    @property
    def good(self) -> Path:
        """Where `keep` writes the network of the last checkpoint."""
        return self.folder / "last-good"

    def keep(self, model: Model) -> None:
        """Write the network of the last checkpoint, for another training to go on from."""
        save_model(model, self.good)

    def finish(self, model: Model) -> None:
        """Write the model and remove the folder; a kill at any moment leaves one or the other."""
        whole = self.folder / "model"
        save_model(model, whole)
        with usable(self.out, "out", WRITABLE):
            whole.replace(self.out)
        self.close()

    def close(self) -> None:
        """Remove the folder of this training, where it still stands: the model does.

        What says whose it is goes last, so that a kill leaves nothing that is nobody's but an empty
        folder, which goes too.
        """
        identity = self.folder / IDENTITY
        with contextlib.suppress(OSError):
            if identity.is_file() and self._identity(identity).training == self.digest:
                for entry in self.folder.iterdir():
                    if entry.is_dir():
                        shutil.rmtree(entry)
                    elif entry != identity:
                        entry.unlink()
                identity.unlink()
            self.folder.rmdir()

    def _begin(self) -> None:
        with whole_file(self.folder / IDENTITY) as part:
            part.write_text(json.dumps({"complete": False, "training": self.digest}) + "\n")

    def _foreign(self) -> bool:
        return any(not entry.name.startswith(f".{IDENTITY}.") for entry in self.folder.iterdir())

    def _identity(self, path: Path) -> _Identity:
        try:
            data = json.loads(read_bytes(path, "out", limit=1 << 16, what="a checkpoint"))
            return validated(_Identity, data, path.name)
        except (ValueError, RecursionError, UserError) as error:
            raise self._damaged(path) from error

    def _load(self) -> Progress:
        path = self.folder / STATE_FILE
        try:
            packed: dict[str, Tensor] = st.load(path.read_bytes())
            said = packed.pop(_SHA256)
            if not torch.equal(said, _sha256(packed)):
                raise self._damaged(path)
            epochs_done = int(packed.pop("epochs_done"))
            weights: dict[str, Tensor] = {}
            optimizer: dict[int, dict[str, Tensor]] = {}
            for name, value in packed.items():
                kind, _, rest = name.partition("/")
                if kind == "weights":
                    weights[rest] = value
                else:
                    index, _, key = rest.partition("/")
                    optimizer.setdefault(int(index), {})[key] = value
        except (SafetensorError, KeyError, ValueError, RuntimeError, OSError) as error:
            raise self._damaged(path) from error
        return Progress(epochs_done=epochs_done, weights=weights, optimizer=optimizer)

    def _damaged(self, path: Path) -> UserError:
        """Return what says so of the place, and nothing of the network that is trained there."""
        where = f"{self.folder.name}, whose {path.name} is damaged"
        expected = f"another path, or no folder {where}: remove it to begin again"
        return UserError("out", str(self.out), expected)


def _sha256(tensors: Mapping[str, Tensor]) -> Tensor:
    found = digest({name: tensor.detach().numpy() for name, tensor in tensors.items()})
    return torch.tensor(list(bytes.fromhex(found)), dtype=torch.uint8)
