# SPDX-License-Identifier: Apache-2.0
"""Reads the shapes in a PyTorch checkpoint without running anything that stands in it.

The published checkpoints pickle training objects beside the tensors, so `weights_only=True` refuses
them. Shapes alone need none of that: here every class and function in the pickle becomes an empty
stand-in, save the two that rebuild a tensor, which give its shape. PyTorch is not needed.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

from hardware.layer import NetworkError

_LEGACY_PREAMBLE = 3
"""Pickles before the state in PyTorch's format before 1.6: magic number, protocol, system."""
LARGEST_PICKLE_BYTES = 64_000_000


class _Shape(tuple[int, ...]):
    """Stands for a tensor: its shape."""

    __slots__ = ()


class _Nothing:
    """Stands for whatever else a checkpoint pickles; takes anything, does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> "_Nothing":
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __call__(self, *_: Any, **__: Any) -> "_Nothing":
        return self

    def __setstate__(self, _: Any) -> None:
        pass

    def __setitem__(self, _: Any, __: Any) -> None:
        pass

    def append(self, _: Any) -> None:
        """Takes an element of a pickled list."""

    def extend(self, _: Any) -> None:
        """Takes elements of a pickled list."""


def _rebuilt(_storage: Any, _offset: Any, size: Any, *_: Any) -> _Shape:
    return _Shape(int(extent) for extent in size)


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


_HARMLESS = {
    ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
    ("torch._utils", "_rebuild_tensor"): _rebuilt,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "Size"): tuple,
}


class _ShapeUnpickler(pickle.Unpickler):
    """Unpickles nothing but plain types and shapes."""

    def find_class(self, module: str, name: str) -> Any:
        """Gives a stand-in for every name in the pickle: nothing is ever imported."""
        return _HARMLESS.get((module, name), _Nothing)

    def persistent_load(self, pid: Any) -> Any:
        """Tensors' contents are not read."""
        return pid


def read_weight_shapes(path: Path) -> list[tuple[int, ...]]:
    """Shapes of a checkpoint's weights (keys `*.weight` of its `state_dict`), in its order.

    Raises:
        NetworkError: for a file that is no such checkpoint.
    """
    try:
        with path.open("rb") as file:
            loaded = _load(file)
    except OSError as error:
        raise NetworkError(f"checkpoint {path} cannot be read: {error.strerror}") from None
    except Exception as error:
        raise NetworkError(
            f"checkpoint {path} is not a PyTorch checkpoint: {type(error).__name__}"
        ) from None
    state = loaded.get("state_dict") if isinstance(loaded, dict) else None
    if not isinstance(state, dict):
        raise NetworkError(f"checkpoint {path} must hold a `state_dict`")
    # Some published checkpoints hold every tensor twice, also as `module.*`.
    shapes = {
        str(name).removeprefix("module."): tuple(shape)
        for name, shape in state.items()
        if isinstance(shape, _Shape) and str(name).endswith(".weight")
    }
    if not shapes:
        raise NetworkError(f"checkpoint {path} holds no weights")
    return list(shapes.values())


def _load(file: BinaryIO) -> Any:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            entry = next(one for one in archive.infolist() if one.filename.endswith("data.pkl"))
            if entry.file_size > LARGEST_PICKLE_BYTES:
                raise ValueError("its pickle is too large")
            return _ShapeUnpickler(io.BytesIO(archive.read(entry))).load()
    file.seek(0)
    for _ in range(_LEGACY_PREAMBLE):
        _ShapeUnpickler(file).load()
    return _ShapeUnpickler(file).load()
