"""Writes tests/fixtures/checkpoint: small files by torch.save and safetensors, one for each thing that readers meet.

    python tests/reference/write_checkpoint_fixtures.py

Element i of a tensor is i - 20, which every type holds exactly, so that the tests need no second file to know what to expect.
Needs torch, numpy and safetensors.
"""

import argparse
import json
import pathlib
from collections import OrderedDict

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

import odconv

HERE = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "checkpoint"


def ramp(*shape, dtype=torch.float32):
    count = int(np.prod(shape))
    return (torch.arange(count) - 20).reshape(shape).to(dtype)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, bias=False)
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x):
        return self.bn(self.conv(x))


def net():
    model = Net()
    for value in model.state_dict().values():
        value.copy_(ramp(*value.shape))
    return model


def training(model):
    """What the usual ImageNet training script saves, after one step under DataParallel."""
    wrapped = nn.DataParallel(model)
    optimizer = torch.optim.SGD(wrapped.parameters(), 0.0, momentum=0.9, weight_decay=1e-4)
    model(torch.ones(2, 2, 5, 5)).sum().backward()
    optimizer.step()
    for value in model.state_dict().values():
        value.copy_(ramp(*value.shape))
    return {
        "epoch": 7,
        "arch": "net",
        "state_dict": wrapped.state_dict(),
        "best_acc": torch.tensor(71.5),
        "optimizer": optimizer.state_dict(),
    }


def strided():
    base = ramp(6, 4)
    return OrderedDict(
        [
            ("base.weight", base),
            ("base.transposed", base.t()),
            ("base.columns", base[:, 1:3]),
            ("base.rows", base[2:4]),
            ("base.steps", base[::2, ::3]),
            ("base.repeated", base[1:2].expand(3, 4)),
            ("base.channels_last", ramp(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)),
            ("base.scalar", torch.tensor(-20.0)),
            ("base.empty", torch.empty(0, 3)),
            ("base.parameter", nn.Parameter(ramp(5))),
        ]
    )


DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
}


def rounding():
    """Numbers that float16 rounds: ties, halfway cases around the subnormals and the largest, signs, specials."""
    generator = torch.Generator().manual_seed(0)
    spread = torch.randn(200, generator=generator) * 10 ** torch.linspace(-9, 4, 200)
    edges = [1 + 2**-11, 1 + 3 * 2**-11, 1 + 2**-11 + 2**-20, 2**-24, 2**-25, 2**-25 * 1.0001, 3 * 2**-26, 65504, 65519]
    edges += [-0.0, 0.0, float("inf"), float("-inf"), float("nan"), 2**-14, 2**-14 - 2**-26, 2047.5, 2048.5]
    f32 = torch.cat([torch.tensor(edges), -torch.tensor(edges), spread])
    f64 = f32.double() * (1 + 2**-30)
    f64 = torch.where(f64.abs() > 65504, f32.double(), f64)
    return {
        "f32": f32,
        "f32_as_f16": f32.half(),
        "f32_as_bf16": f32.bfloat16(),
        "bf16_as_f32": f32.bfloat16().float(),
        "f16_as_f32": f32.half().float(),
        "f64": f64,
        "f64_as_f32": f64.float(),
        "f64_as_f16": torch.from_numpy(f64.numpy().astype(np.float16)),
    }


def hollow(arch, **options):
    """A real model's state dict in little room: tensor i is (i % 64) / 64 - 0.5 throughout, repeated by a stride of 0."""
    base = torch.arange(64) / 64 - 0.5
    count = torch.tensor(7)
    state = odconv.build(arch, **options).state_dict()
    return OrderedDict(
        (name, count if value.ndim == 0 else base[i % 64].expand(value.shape))
        for i, (name, value) in enumerate(state.items())
    )


def under_ddp(state):
    return OrderedDict((f"module.{name}", value) for name, value in state.items())


def main():
    HERE.mkdir(parents=True, exist_ok=True)
    state = net().state_dict()
    checkpoint = training(net())
    mixed = OrderedDict((f"{name}.weight", ramp(3, 7, dtype=dtype)) for name, dtype in DTYPES.items())
    mixed["U8.weight"] = (ramp(3, 7) + 20).to(torch.uint8)
    mixed["BOOL.weight"] = ramp(3, 7) > 0

    zips = {
        "bare.pth": state,
        "training.pth.tar": checkpoint,
        "strided.pth": strided(),
        "dtypes.pth": mixed,
    }
    for name, value in zips.items():
        torch.save(value, HERE / name)
        torch.save(value, HERE / f"legacy_{name}", _use_new_zipfile_serialization=False)
    arguments = argparse.Namespace(lr=0.1, output=pathlib.PurePosixPath("runs/1"), amp=False)
    torch.save(
        {"model": state, "args": arguments, "best_acc1": np.float64(71.5), "best_acc5": np.array([90.0])},
        HERE / "model_key.pth",
    )
    torch.save({"epoch": 3, "state_dict_ema": state, "metric": 71.5, "size": torch.Size([3, 4])}, HERE / "ema.pth")
    both = {"state_dict": state, "state_dict_ema": {k: v + 1 for k, v in state.items()}}
    torch.save(both, HERE / "both.pth", pickle_protocol=4)
    torch.save(net(), HERE / "whole_model.pth")

    save_file(state, HERE / "bare.safetensors", metadata={"format": "pt", "architecture": "net"})
    save_file(mixed, HERE / "dtypes.safetensors")
    save_file(rounding(), HERE / "rounding.safetensors")
    files = {"model-00001-of-00002.safetensors": ["conv.weight"], "model-00002-of-00002.safetensors": None}
    weight_map = {}
    for file, names in files.items():
        names = names or [name for name in state if name not in weight_map]
        save_file({name: state[name] for name in names}, HERE / file)
        weight_map |= dict.fromkeys(names, file)
    index = {"metadata": {"total_size": 0}, "weight_map": {name: weight_map[name] for name in state}}
    (HERE / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")

    od_resnet20 = under_ddp(hollow("od_resnet20", kernel_num=4, reduction=0.5))
    torch.save({"epoch": 1, "state_dict": od_resnet20, "best_acc": 50.0, "optimizer": {}}, HERE / "od_resnet20.pth.tar")
    old = under_ddp(hollow("od_mobilenetv2_050", kernel_num=1, num_classes=11))
    torch.save(old, HERE / "legacy_od_mobilenetv2_050.pth", _use_new_zipfile_serialization=False)
    torch.save(hollow("resnet18"), HERE / "resnet18.pth")


if __name__ == "__main__":
    main()
