"""Writes tests/fixtures/gradients.json and gradients.safetensors: PyTorch's gradients of every operator, and one training
step of a small network with ODConv layers.

Operands, weights, images and the gradients to the results ("CASE.gradient") come from weights.py. Everything is computed
in float64 and stored as float32: a gradient as "CASE.OPERAND"; of the network the loss, the gradients and the running
statistics after the step, as "network@TEMPERATURE.loss" and "network@TEMPERATURE.NAME".

    python tests/reference/write_gradient_fixtures.py
"""

import itertools
import json

import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch import nn

import write_op_fixtures as ops
from odconv import ODConv2d, set_temperature
from weights import state_dict, uniform
from write_op_fixtures import FIXTURES, case, conv, dynamic, mix, per_sample

# Operands that training never differentiates by.
CONSTANTS = {"temperature", "runningMean", "runningVar", "labels"}


def cases():
    conv("padded, bias", [2, 3, 5, 5], [4, 3, 3, 3], bias=True, padding=(1, 1))
    conv("stride 2 on 6x7, 2 groups", [3, 4, 6, 7], [6, 2, 3, 3], stride=(2, 2), padding=(1, 1), groups=2)
    conv("dilation 1x2, stride 2x1, 3x2 kernel", [1, 2, 7, 6], [3, 2, 3, 2], stride=(2, 1), dilation=(1, 2), padding=(1, 0))
    conv("depthwise, stride 2", [2, 5, 6, 6], [5, 1, 3, 3], stride=(2, 2), padding=(1, 1), groups=5)
    conv("1x1, stride 2", [2, 5, 5, 4], [3, 5, 1, 1], stride=(2, 2))
    conv("residual, bias and relu", [2, 3, 4, 4], [4, 3, 3, 3], bias=True, residual=[2, 4, 4, 4], padding=(1, 1),
         activation="relu")
    dynamic("n = 1", [2, 3, 5, 5], [1, 4, 3, 3, 3], "cfs", bias=True, padding=(1, 1))
    dynamic("n = 2, 2 groups, stride 2", [3, 4, 6, 5], [2, 6, 2, 3, 3], "cfsk", stride=(2, 2), padding=(1, 1), groups=2)
    dynamic("n = 4, batch 1", [1, 3, 4, 4], [4, 4, 3, 3, 3], "cfsk", padding=(1, 1))
    dynamic("n = 4, dilation 2", [2, 2, 6, 6], [4, 3, 2, 3, 3], "cfsk", dilation=(2, 2), padding=(2, 1))
    dynamic("n = 4, 1x1, bias and relu6", [2, 5, 3, 3], [4, 6, 5, 1, 1], "cfk", bias=True, activation="relu6")
    dynamic("n = 1, depthwise, stride 2", [2, 5, 6, 6], [1, 5, 1, 3, 3], "cs", stride=(2, 2), padding=(1, 1), groups=5)
    dynamic("n = 4, depthwise", [2, 4, 5, 5], [4, 4, 1, 3, 3], "csk", padding=(1, 1), groups=4)
    for n, (cin, cout, groups), stride, dilation in itertools.product(
        (1, 2, 4), ((4, 3, 1), (4, 6, 2), (4, 4, 4)), ((1, 1), (2, 2)), ((1, 1), (2, 2))
    ):
        attentions = ("cs" if groups == cin else "cfs") + ("k" if n > 1 else "")
        dynamic(f"grid: n = {n}, {cin} to {cout} channels in {groups} groups, stride {stride[0]}, dilation {dilation[0]}",
                [2, cin, 6, 5], [n, cout, cin // groups, 3, 3], attentions, stride=stride, dilation=dilation, padding=(2, 1),
                groups=groups)
    per_sample("3x3, bias", [3, 3, 5, 4], [3, 4, 3, 3, 3], bias=[4], padding=(1, 1))
    per_sample("a bias for each, residual and relu", [2, 4, 4, 4], [2, 4, 4, 3, 3], bias=[2, 4], residual=[2, 4, 4, 4],
               padding=(1, 1), activation="relu")
    per_sample("1x1, stride 2", [2, 5, 5, 4], [2, 6, 5, 1, 1], bias=[2, 6], stride=(2, 2))
    per_sample("2 groups, stride 2, dilation 2", [2, 4, 7, 7], [2, 6, 2, 3, 3], stride=(2, 2), dilation=(2, 2), padding=(2, 1),
               groups=2)
    per_sample("batch 1", [1, 4, 4, 5], [1, 3, 4, 3, 3], padding=(1, 1))
    per_sample("depthwise, stride 2", [2, 5, 6, 6], [2, 5, 1, 3, 3], bias=[2, 5], stride=(2, 2), padding=(1, 1), groups=5)
    mix("n = 4, every attention there is", 2, [4, 6, 5, 3, 2], "cfsk")
    mix("n = 1, 2 groups", 3, [1, 6, 2, 3, 3], "cfs", groups=2)
    mix("n = 3, depthwise", 2, [3, 5, 1, 3, 3], "csk", groups=5)
    mix("kernel attention alone", 2, [5, 4, 3, 1, 1], "k")
    for x in [2, 3, 4, 4], [4, 5]:
        c = [x[1]]
        case(f"batch_norm, {len(x)}-D", "batch_norm",
             {"x": x, "weight": c, "bias": c, "runningMean": c, "runningVar": (c, 0.5, 1.0)}, eps=1e-5)
    for op in "relu", "relu6":
        case(op, op, {"x": ([2, 3, 5, 5], 9.0, 0.0)})
        # The slope at the kink itself.
        case(f"{op} at {0 if op == 'relu' else 6}", op, {"x": ([2, 3], 0.0, 0.0 if op == "relu" else 6.0)})
    for op in "sigmoid", "softmax":
        case(op, op, {"x": ([3, 5], 4.0, 0.0)})
        case(f"{op}, temperature 30", op, {"x": ([3, 5], 40.0, 0.0), "temperature": ([1], 0.0, 30.0)})
    case("add", "add", {"a": [2, 3, 4, 3], "b": [2, 3, 4, 3]})
    case("mul, same shape", "mul", {"x": [2, 3, 4, 3], "scale": [2, 3, 4, 3]})
    case("mul, by sample and channel", "mul", {"x": [3, 5, 4, 3], "scale": [3, 5]})
    case("mul, by channel", "mul", {"x": [3, 5, 4, 3], "scale": [5]})
    for op in "max_pool2d", "avg_pool2d":
        case(f"{op}, 3x3, stride 2, padded", op, {"x": ([2, 3, 7, 8], 1.0, -2.0)}, kernelSize=(3, 3), stride=(2, 2),
             padding=(1, 1))
        case(f"{op}, 2x3, stride 1x2", op, {"x": [1, 5, 5, 6]}, kernelSize=(2, 3), stride=(1, 2), padding=(0, 1))
    case("max_pool2d of equal numbers", "max_pool2d", {"x": ([1, 2, 5, 5], 0.0, 1.0)}, kernelSize=(3, 3), stride=(2, 2),
         padding=(1, 1))
    case("global_avg_pool", "global_avg_pool", {"x": [2, 5, 3, 4]})
    case("linear", "linear", {"x": [3, 7], "weight": [5, 7], "bias": [5]}, activation="none")
    case("linear, 1x1 weight, relu", "linear", {"x": [3, 7], "weight": [5, 7, 1, 1], "bias": [5]}, activation="relu")
    case("linear, sigmoid at temperature 30", "linear",
         {"x": [2, 6], "weight": ([5, 6], 9.0, 0.0), "bias": [5], "temperature": ([1], 0.0, 30.0)}, activation="sigmoid")
    case("flatten", "flatten", {"x": [2, 3, 2, 4]})
    case("pad_channels", "pad_channels", {"x": [2, 3, 3, 2]}, before=1, after=2)
    for op in "exp", "tanh", "silu", "hardsigmoid", "hardswish":
        case(op, op, {"x": ([2, 3, 4, 4], 5.0, 0.0)})
    for op in "hardsigmoid", "hardswish":
        for kink in -3.0, 3.0:
            case(f"{op} at {kink}", op, {"x": ([2, 3], 0.0, kink)})
    case("sqrt", "sqrt", {"x": ([2, 3, 4, 4], 1.0, 1.5)})
    for approximate in "none", "tanh":
        case(f"gelu, {approximate}", "gelu", {"x": ([2, 3, 4, 4], 4.0, 0.0)}, approximate=approximate)
    case("affine", "affine", {"x": [2, 3, 5, 5]}, factor=-1.5, shift=0.25)
    case("leaky_relu", "leaky_relu", {"x": ([2, 3, 4, 4], 3.0, 0.0)}, negativeSlope=0.2)
    case("leaky_relu at 0", "leaky_relu", {"x": ([2, 3], 0.0, 0.0)}, negativeSlope=0.2)
    for op, a, b in ("add", "a", "b"), ("sub", "a", "b"), ("mul", "x", "scale"), ("div", "a", "b"):
        for first, second in ops.BROADCASTS:
            case(f"{op}, {first} and {second}", op, {a: first, b: (second, 1.0, 3.0 if op == "div" else 0.0)})
    ops.moves()
    ops.to_sizes()
    case("max_to_size of equal numbers", "max_to_size", {"x": ([2, 5, 2, 3], 0.0, 1.0)}, shape=[2, 1, 2, 3])
    case("max_to_size of equal numbers, by plane", "max_to_size", {"x": ([2, 5, 2, 3], 0.0, 1.0)}, shape=[2, 5, 1, 1])
    case("max_to_size of equal numbers, of all", "max_to_size", {"x": ([1, 5, 2, 3], 0.0, 1.0)}, shape=[1, 1, 1, 1])
    case("bmm", "bmm", {"a": [2, 3, 5], "b": [2, 5, 7]})
    ops.interpolations()
    ops.transposed()
    for smoothing in 0.0, 0.1:
        case(f"cross_entropy, label smoothing {smoothing}", "cross_entropy",
             {"logits": ([4, 6], 5.0, 0.0), "labels": ([4], 0.0, 3.0)}, labelSmoothing=smoothing)


OPERATORS = ops.OPERATORS | {
    "cross_entropy": lambda a, logits, labels: F.cross_entropy(
        logits, labels.long(), label_smoothing=a["labelSmoothing"]
    ).view(1),
}


def operator_gradients(c):
    name = c["name"]
    operands = {
        k: torch.from_numpy(uniform(f"{name}.{k}", o["shape"], o["scale"], o["offset"])).double()
        for k, o in c["operands"].items()
    }
    wrt = {k: v.requires_grad_() for k, v in operands.items() if k not in CONSTANTS}
    y = OPERATORS[c["op"]](c["attributes"], **operands)
    upstream = torch.from_numpy(uniform(f"{name}.gradient", list(y.shape))).double()
    return {f"{name}.{k}": g for k, g in zip(wrt, torch.autograd.grad(y, list(wrt.values()), upstream))}


class GlobalAvgPool(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3))


def network():
    """Built again in tests/nn/training_step_test.ts."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        ODConv2d(4, 6, 3, stride=2, padding=1, kernel_num=4), nn.BatchNorm2d(6), nn.ReLU6(),
        ODConv2d(6, 6, 3, padding=1, groups=6, kernel_num=2), nn.BatchNorm2d(6), nn.ReLU(),
        ODConv2d(6, 8, 1), nn.BatchNorm2d(8), nn.ReLU(),
        GlobalAvgPool(), nn.Linear(8, 5),
    )  # fmt: skip


def network_step(temperature):
    net = network().double().train()
    own = net.state_dict()
    for name, values in state_dict({name: tuple(t.shape) for name, t in own.items()}):
        own[name].copy_(torch.from_numpy(values))
    set_temperature(net, temperature)
    x = torch.from_numpy(uniform("image", [4, 3, 6, 6], 2.0)).double()
    loss = F.cross_entropy(net(x), torch.tensor([3, 0, 4, 1]), label_smoothing=0.1)
    loss.backward()
    results = {"loss": loss.view(1)} | {name: p.grad for name, p in net.named_parameters()}
    results |= {name: b for name, b in net.named_buffers() if b.is_floating_point()}
    return {f"network@{temperature}.{name}": v for name, v in results.items()}


def main():
    cases()
    tensors = {}
    for c in ops.CASES:
        tensors |= operator_gradients(c)
    for temperature in 1, 30:
        tensors |= network_step(temperature)
    path = FIXTURES / "gradients.safetensors"
    save_file({k: v.detach().float().contiguous().numpy() for k, v in tensors.items()}, path)
    lines = ",\n".join("  " + json.dumps(c) for c in ops.CASES)
    (FIXTURES / "gradients.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(ops.CASES)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
