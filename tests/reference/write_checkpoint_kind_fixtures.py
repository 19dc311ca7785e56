"""Writes tests/fixtures/checkpoint_kinds: small files of every kind that torch.load takes beside plain state dicts.

    python tests/reference/write_checkpoint_kind_fixtures.py

The network in them is that of write_checkpoint_fixtures.py: element i of a tensor is i - 20. What tensors of unusual kinds
hold is written by PyTorch beside them, as plain tensors in a safetensors file.
Needs torch, numpy and safetensors.
"""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import pathlib
import random
import re
import sys
import types
import uuid
import warnings

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

import odconv
from write_checkpoint_fixtures import Net, hollow, net, ramp

HERE = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "checkpoint_kinds"


def plain(tensor):
    """What PyTorch computes with, without lazy signs, strides, attributes or classes; complex numbers as pairs."""
    tensor = torch.Tensor(tensor) if type(tensor) is nn.Parameter else tensor
    tensor = tensor.detach().as_subclass(torch.Tensor).resolve_conj().resolve_neg().clone().contiguous()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


class Subclass(torch.Tensor):
    pass


class FromNumpy:
    """What a device whose memory PyTorch does not read is saved as; such a device is not at hand."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        rebuild = torch._utils._rebuild_device_tensor_from_numpy
        # NumPy has no bfloat16; PyTorch saved such numbers as float32.
        return rebuild, (self.tensor.float().numpy(), self.tensor.dtype, "cpu", False)


def signed():
    """Negative and conjugate bits, over each kind of element and over strides."""
    numbers = torch.complex(ramp(2, 3), ramp(2, 3) + 7.5)
    real = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
    whole = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]
    tensors = {f"neg.{str(dtype)[6:]}": torch._neg_view(ramp(2, 5).to(dtype)) for dtype in real + whole}
    tensors |= {
        "neg.strided": torch._neg_view(ramp(4, 3)).t()[1:, ::2],
        "neg.zero": torch._neg_view(torch.tensor([0.0, -0.0, float("inf")])),
        "neg.parameter": nn.Parameter(torch._neg_view(ramp(4))),
        "neg.twice": torch._neg_view(torch._neg_view(ramp(4))),
        "neg.complex64": torch._neg_view(numbers.clone()),
        "conj.imag": numbers.clone().conj().imag,
        "conj.real": numbers.clone().conj().real,
        "conj.complex64": numbers.clone().conj(),
        "conj.complex128": numbers.to(torch.complex128).conj(),
        "conj.strided": numbers.clone().conj().t(),
        "conj.neg": torch._neg_view(numbers.clone().conj()),
    }
    return tensors


def attributed():
    """Tensors that are rebuilt by other functions than plain ones."""
    attribute, parameter = ramp(3, 2), nn.Parameter(ramp(3, 2))
    attribute.note = parameter.note = {"init": "xavier"}
    transposed = ramp(3, 2).t()
    transposed.note = "a view"
    return {
        "attribute.weight": attribute,
        "parameter.weight": parameter,
        "transposed.weight": transposed,
        "buffer.weight": nn.Buffer(ramp(5)),
        "subclass.weight": ramp(5).as_subclass(Subclass),
    }


def unsigned():
    dtypes = [torch.uint16, torch.uint32, torch.uint64]
    return {f"{str(dtype)[6:]}.weight": (ramp(3, 4) + 20).to(dtype).t() for dtype in dtypes}


class Wrapper(torch.Tensor):
    """A tensor without elements of its own, as quantised and distributed ones are."""

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(cls, inner.size(), dtype=inner.dtype)

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        # Its state is saved; nothing else is asked of it.
        if function is torch.ops.aten.detach.default:
            return args[0]
        raise NotImplementedError(str(function))


def unreadable():
    """Tensors that are no runs of numbers of a network, under what they are."""
    nested = [ramp(2, 3), ramp(1, 3)]
    return {
        "quantised.weight": torch.quantize_per_tensor(ramp(2, 3), 0.5, 1, torch.qint8),
        "channels.weight": torch.quantize_per_channel(ramp(2, 3), torch.ones(2), torch.zeros(2), 0, torch.quint8),
        "coo.weight": ramp(2, 3).to_sparse(),
        "csr.weight": ramp(2, 3).to_sparse_csr(),
        "meta.weight": torch.empty(2, 3, device="meta"),
        "nested.weight": torch.nested.nested_tensor(nested),
        "jagged.weight": torch.nested.nested_tensor(nested, layout=torch.jagged),
        "wrapper.weight": Wrapper(ramp(2, 3)),
        "bits.weight": torch.zeros(2, 3, dtype=torch.uint8).view(torch.bits8),
        "complex32.weight": torch.complex(ramp(2, 3), ramp(2, 3)).to(torch.complex32),
        "float8.weight": ramp(2, 3).to(torch.float8_e4m3fn),
        "float8_e5m2.weight": ramp(2, 3).to(torch.float8_e5m2),
        "complex.weight": torch.complex(ramp(2, 3), ramp(2, 3)),
    }


class Colour(enum.Enum):
    RED = 1


class Flags(enum.IntFlag):
    A = 1
    B = 2


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Settings:
    lr: float = 0.1
    sizes: list = dataclasses.field(default_factory=lambda: [1, 2])

    class Inner(enum.Enum):
        X = "x"


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    lr: float = 0.1


class Options(dict):
    __getattr__ = dict.get


class History(list):
    best = None


class Meter:
    def __init__(self):
        self.values = collections.deque([1.5, 2.5], maxlen=10)

    def update(self):
        pass


def pretend(module, name):
    """A class of a library that is not installed, under its name."""
    made = type(name, (), {"__module__": module})
    parts = module.split(".")
    for i in range(len(parts)):
        parent = sys.modules.setdefault(".".join(parts[: i + 1]), types.ModuleType(".".join(parts[: i + 1])))
        if i + 1 == len(parts):
            setattr(parent, name, made)
    instance = made()
    instance._content = {"lr": 0.1, "_parent": instance}
    return instance


def beside():
    """What training scripts had at hand when they saved."""
    return {
        "args": argparse.Namespace(lr=0.1, output=pathlib.PurePosixPath("runs/1"), amp=False),
        "config": pretend("omegaconf.dictconfig", "DictConfig"),
        "hparams": pretend("lightning.fabric.utilities.data", "AttributeDict"),
        "numpy": [
            np.float64(71.5), np.float32(0.5), np.int8(3), np.bool_(True), np.complex64(1j), np.datetime64("2024-01-02"),
            np.array([1, 2], dtype=np.int16), np.array(["a", "bc"]), np.array([{"a": 1}, None], dtype=object),
            np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]), np.asfortranarray(np.ones((2, 3))),
            np.ma.masked_array([1, 2], [True, False]), np.random.default_rng(0),
        ],
        "sets": [{1, 2}, frozenset("ab"), set(), frozenset()],
        "classes": [Colour.RED, Flags.A | Flags.B, Point(1, 2), Settings(), Settings.Inner.X, Slotted(), Colour, Settings],
        "containers": [Options(lr=0.1), History([1, 2]), collections.defaultdict(list, a=[1]), collections.Counter("aab"),
                       collections.deque([1]), collections.ChainMap({"a": 1}), types.SimpleNamespace(a=1), range(3)],
        "functions": [functools.partial(torch.optim.SGD, lr=0.1), torch.nn.functional.relu, Meter().update, print, len],
        "time": [datetime.datetime(2024, 1, 2), datetime.timedelta(1), datetime.timezone.utc, datetime.date(2024, 1, 2),
                 datetime.datetime.fromtimestamp(0, datetime.timezone.utc)],
        "numbers": [decimal.Decimal("1.5"), fractions.Fraction(1, 3), 1j, 2**70, -(2**300), slice(1, 2), float("nan"), ...],
        "texts": ["é", b"bytes", bytearray(b"array"), uuid.UUID(int=5), re.compile("a.c"), pathlib.PurePosixPath("x"), "\ud800"],
        "errors": [ValueError("x")],
        "random": [random.getstate()[1][:4], torch.get_rng_state()[:8].clone()],
        "torch": [torch.float32, torch.device("cpu"), torch.strided, torch.Size([1, 2]), torch.tensor(3),
                  ramp(4).storage(), torch.per_tensor_affine, nn.Linear(1, 1), torch.optim.lr_scheduler.LambdaLR],
        "stream": io.BytesIO(b"stream"),
    }


class WithExtra(Net):
    """Modules may keep anything as their extra state: Transformer Engine a stream, others dicts and objects."""

    def __init__(self):
        super().__init__()
        for name, extra in {"text": b"x", "none": None, "dict": {"a.b": 1}, "tensor": ramp(2), "object": Settings(),
                            "list": [1], "stream": io.BytesIO(b"x")}.items():
            self.add_module(name, Extra(extra))


class Extra(nn.Module):
    def __init__(self, extra):
        super().__init__()
        self.extra = extra

    def get_extra_state(self):
        return self.extra

    def set_extra_state(self, state):
        self.extra = state


class Buffered(nn.Module):
    """Buffers that are saved and that are not, parameters that are None, a parameter twice."""

    def __init__(self):
        super().__init__()
        self.first = net()
        self.register_buffer("kept", ramp(2))
        self.register_buffer("dropped", ramp(3), persistent=False)
        self.register_buffer("none", None)
        self.layers = nn.ModuleList([nn.Linear(2, 2, bias=False), nn.Sequential(nn.ReLU(), net())])
        self.tied = self.layers[0]
        self.alone = nn.Parameter(ramp(4))


def in_kinds(state):
    """The same numbers, each tensor in another of the kinds that load_state_dict takes."""

    def attributed(value):
        value.note = "an attribute"
        return value

    # Small storages: one number, repeated by strides of 0 as in `hollow`.
    kinds = [
        lambda one, shape: one.expand(shape),
        lambda one, shape: torch._neg_view((-one).expand(shape)),
        lambda one, shape: torch.complex(one, -one).expand(shape).conj().imag,
        lambda one, shape: attributed(nn.Parameter(one.expand(shape))),
        lambda one, shape: attributed(one.expand(shape)),
        lambda one, shape: one.expand(shape).as_subclass(Subclass),
        lambda one, shape: one.bfloat16().expand(shape),
        lambda one, shape: one.double().expand(shape),
        lambda one, shape: one.expand(shape[::-1]).permute(*reversed(range(len(shape)))),
    ]
    counts = [lambda one, _: torch._neg_view(-one), lambda one, _: attributed(one)]
    result = {}
    for i, (name, value) in enumerate(state.items()):
        one = value.flatten()[:1].clone()[0]
        result[name] = (counts[i % 2] if value.ndim == 0 else kinds[i % len(kinds)])(one, value.shape)
    return result


def no_source(_):
    raise OSError("the legacy format keeps the source text of a model's classes, which the fixtures do not")


def save(name, value, **options):
    torch.save(value, HERE / name, **options)
    torch.save(value, HERE / f"legacy_{name}", _use_new_zipfile_serialization=False, **options)


def main():
    warnings.filterwarnings("ignore")
    torch.serialization.get_source_lines_and_file = no_source
    HERE.mkdir(parents=True, exist_ok=True)
    state = net().state_dict()

    values = {"signed": signed(), "attributed": attributed(), "unsigned": unsigned()}
    for name, tensors in values.items():
        save(f"{name}.pth", tensors)
        save_file({key: plain(tensor) for key, tensor in tensors.items()}, HERE / f"{name}.safetensors")
    dtypes = {"a": torch.float32, "b": torch.bfloat16}
    torch.save({f"{k}.weight": FromNumpy(ramp(2, 3).to(v)) for k, v in dtypes.items()}, HERE / "numpy.pth")
    torch.save({"a.weight": FromNumpy(ramp(2, 3))}, HERE / "numpy_protocol5.pth", pickle_protocol=5)

    history = [{"epoch": i, "loss": 0.5**i, "lrs": (0.1, i)} for i in range(3)]
    for protocol in (1, 2, 3, 4, 5):
        contents = {"state_dict": state, "history": history, "best": True, "seed": -(2**70), "args": argparse.Namespace(a=1)}
        save(f"protocol{protocol}.pth", contents, pickle_protocol=protocol)
    for protocol in (2, 4):
        torch.save({"state_dict": state, **beside()}, HERE / f"beside_protocol{protocol}.pth", pickle_protocol=protocol)

    kinds = unreadable()
    save_file({"a.weight": kinds["float8.weight"], **state}, HERE / "float8.safetensors")
    torch.save({**state, **kinds}, HERE / "unreadable.pth")
    del kinds["jagged.weight"], kinds["bits.weight"]
    torch.save({**state, **kinds}, HERE / "legacy_unreadable.pth", _use_new_zipfile_serialization=False)

    extra = WithExtra()
    extra.load_state_dict(net().state_dict(), strict=False)
    torch.save(extra.state_dict(), HERE / "extra_state.pth")

    model = Buffered()
    with torch.no_grad():
        for value in model.state_dict().values():
            value.copy_(ramp(*value.shape))
    save("whole.pth", {"epoch": 3, "model": nn.DataParallel(model)})
    whole = {key: value.clone() for key, value in nn.DataParallel(model).state_dict().items()}
    save_file(whole, HERE / "whole.safetensors", metadata={"order": " ".join(whole)})
    state = in_kinds(hollow("resnet20"))
    contents = {"state_dict": state, "history": history, "args": argparse.Namespace(a=1), "colour": Colour.RED,
                "beside": [ramp(2).to(torch.float8_e4m3fn), ramp(2).to_sparse(), torch.empty(2, device="meta")]}
    path = HERE / "legacy_network.pth"
    torch.save(contents, path, _use_new_zipfile_serialization=False, pickle_protocol=4)
    path.write_bytes(path.read_bytes() + bytes(100))
    model = odconv.build("resnet20")
    shared = {name: nn.Parameter(value) if value.is_floating_point() else value for name, value in hollow("resnet20").items()}
    for name, value in shared.items():
        owner, _, last = name.rpartition(".")
        kept = model.get_submodule(owner)._parameters if last in model.get_submodule(owner)._parameters else None
        (model.get_submodule(owner)._buffers if kept is None else kept)[last] = value
    torch.save({"model": model, "epoch": 3}, HERE / "whole_network.pth")
    torch.save({"epoch": 3, "args": argparse.Namespace(a=1)}, HERE / "no_weights.pth")
    torch.save(Meter(), HERE / "object.pth")

    np.savez(HERE / "arrays.npz", a=np.ones(2))
    torch.jit.save(torch.jit.script(nn.Linear(1, 1)), HERE / "script.pt")
    for path in HERE.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    main()
