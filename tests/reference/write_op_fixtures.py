"""Writes tests/fixtures/ops.json (cases) and ops.safetensors (their results): every operator against PyTorch.

A case names an operator of src/graph/ops, the shapes of its operands and its attributes. Operands are made by
weights.uniform from "CASE.OPERAND" on both sides; results are computed in float64 and stored as float32.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

from weights import uniform

FIXTURES = Path(__file__).parent.parent / "fixtures"
CASES = []


def case(name, op, operands, **attributes):
    """operands: name -> shape, or (shape, scale, offset)."""
    full = {k: v if isinstance(v, tuple) else (v, 1.0, 0.0) for k, v in operands.items()}
    CASES.append({
        "name": name,
        "op": op,
        "operands": {k: {"shape": s, "scale": scale, "offset": offset} for k, (s, scale, offset) in full.items()},
        "attributes": attributes,
    })


def window(stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, activation="none"):
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "activation": activation}


def conv(name, x, weight, bias=False, residual=None, **attributes):
    operands = {"x": x, "weight": weight}
    if bias:
        operands["bias"] = [weight[0]]
    if residual:
        operands["residual"] = residual
    case("conv2d, " + name, "conv2d", operands, **window(**attributes))


def per_sample(name, x, weight, bias=None, residual=None, **attributes):
    """A weight for each sample: [B, Cout, Cin/groups, kh, kw]."""
    operands = {"x": x, "weight": weight}
    if bias:
        operands["bias"] = bias
    if residual:
        operands["residual"] = residual
    case("conv2d, a weight for each sample, " + name, "conv2d", operands, **window(**attributes))


def mix(name, batch, weight, attentions, groups=1):
    """attentions: letters of c(hannel), f(ilter), s(patial), k(ernel)."""
    n, cout, inputs, kh, kw = weight
    shapes = {"channel": [batch, inputs * groups], "filter": [batch, cout], "spatial": [batch, kh * kw], "kernel": [batch, n]}
    case("mix_kernels, " + name, "mix_kernels",
         {"weight": weight} | {k: (s, 0.5, 0.5) for k, s in shapes.items() if k[0] in attentions})


def dynamic(name, x, weight, attentions, bias=False, residual=None, **attributes):
    """attentions: letters of c(hannel), f(ilter), s(patial), k(ernel)."""
    n, cout, _, kh, kw = weight
    shapes = {"channel": [x[0], x[1]], "filter": [x[0], cout], "spatial": [x[0], kh * kw], "kernel": [x[0], n]}
    operands = {"x": x, "weight": weight}
    operands |= {k: (s, 0.5, 0.5) for k, s in shapes.items() if k[0] in attentions}
    if bias:
        operands["bias"] = [cout]
    if residual:
        operands["residual"] = residual
    case("dynamic_conv2d, " + name, "dynamic_conv2d", operands, **window(**attributes))


def cases():
    conv("1x1", [1, 5, 7, 7], [6, 5, 1, 1])
    conv("1x1, stride 2 on 7x9, batch 5", [5, 8, 7, 9], [12, 8, 1, 1], stride=(2, 2))
    conv("3x3, padded", [1, 4, 8, 8], [8, 4, 3, 3], padding=(1, 1))
    conv("3x3, channels no multiple of 4, batch 5", [5, 3, 7, 7], [5, 3, 3, 3], padding=(1, 1))
    conv("3x3, stride 2 on 9x11", [1, 6, 9, 11], [10, 6, 3, 3], stride=(2, 2), padding=(1, 1))
    conv("3x3, stride 2 on 8x10", [2, 8, 8, 10], [8, 8, 3, 3], stride=(2, 2), padding=(1, 1))
    conv("3x3, 64 channels on 14x14", [1, 64, 14, 14], [16, 64, 3, 3], padding=(1, 1))
    conv("7x7, stride 2, the stem's", [1, 3, 30, 33], [8, 3, 7, 7], stride=(2, 2), padding=(3, 3))
    conv("5x3, asymmetric stride and padding", [2, 3, 11, 8], [7, 3, 5, 3], stride=(1, 2), padding=(2, 0))
    conv("dilation 2", [1, 4, 11, 11], [6, 4, 3, 3], padding=(2, 2), dilation=(2, 2))
    conv("dilation 1x3 with stride 2x1", [2, 3, 9, 12], [5, 3, 3, 3], padding=(1, 3), stride=(2, 1), dilation=(1, 3))
    conv("dilation 2 with stride 2, grouped", [1, 6, 13, 13], [4, 3, 3, 3], stride=(2, 2), dilation=(2, 2), groups=2)
    conv("3 groups", [5, 9, 7, 7], [6, 3, 3, 3], padding=(1, 1), groups=3)
    conv("2 groups, 1x1", [1, 8, 6, 6], [20, 4, 1, 1], groups=2, bias=True, activation="relu")
    conv("depthwise", [5, 6, 7, 7], [6, 1, 3, 3], padding=(1, 1), groups=6)
    conv("depthwise, stride 2 on 15x15", [1, 32, 15, 15], [32, 1, 3, 3], padding=(1, 1), stride=(2, 2), groups=32)
    conv("depthwise, 2 filters a channel", [2, 5, 8, 8], [10, 1, 3, 3], padding=(1, 1), groups=5, bias=True)
    conv("depthwise, 5x5, dilation 2", [1, 7, 12, 12], [7, 1, 5, 5], padding=(4, 4), dilation=(2, 2), groups=7)
    conv("one channel in, one out", [5, 1, 6, 6], [1, 1, 3, 3], padding=(1, 1))
    conv("bias", [1, 4, 6, 6], [6, 4, 3, 3], bias=True, padding=(1, 1))
    conv("bias and relu", [5, 4, 6, 6], [6, 4, 3, 3], bias=True, padding=(1, 1), activation="relu")
    conv("bias and relu6", [1, 32, 6, 6], [10, 32, 1, 1], bias=True, activation="relu6")
    conv("residual and relu", [2, 4, 7, 7], [8, 4, 3, 3], bias=True, residual=[2, 8, 7, 7], padding=(1, 1), activation="relu")
    conv("residual alone, depthwise", [1, 8, 7, 7], [8, 1, 3, 3], residual=[1, 8, 7, 7], padding=(1, 1), groups=8)
    conv("3 groups, residual, bias and relu", [2, 6, 5, 5], [9, 2, 3, 3], bias=True, residual=[2, 9, 5, 5],
         padding=(1, 1), groups=3, activation="relu")

    dynamic("n = 1, every attention there is", [1, 8, 7, 7], [1, 12, 8, 3, 3], "cfs", padding=(1, 1))
    dynamic("n = 1, batch 5, 1x1", [5, 6, 7, 7], [1, 10, 6, 1, 1], "cf")
    dynamic("n = 2, batch 5, channels no multiple of 4", [5, 5, 6, 6], [2, 7, 5, 3, 3], "cfsk", padding=(1, 1))
    dynamic("n = 4, stride 2 on 9x7", [2, 8, 9, 7], [4, 8, 8, 3, 3], "cfsk", padding=(1, 1), stride=(2, 2))
    dynamic("n = 4, 1x1, residual, bias and relu", [5, 8, 5, 5], [4, 12, 8, 1, 1], "cfk", bias=True,
            residual=[5, 12, 5, 5], activation="relu")
    dynamic("n = 4, 3x3, residual, bias and relu", [2, 8, 7, 7], [4, 16, 8, 3, 3], "cfsk", bias=True,
            residual=[2, 16, 7, 7], padding=(1, 1), activation="relu")
    dynamic("n = 1, bias and relu6", [1, 16, 8, 8], [1, 16, 16, 3, 3], "cfs", bias=True, padding=(1, 1), activation="relu6")
    dynamic("n = 4, small map, many channels", [1, 64, 4, 4], [4, 48, 64, 3, 3], "cfsk", padding=(1, 1))
    dynamic("n = 1, depthwise", [5, 6, 7, 7], [1, 6, 1, 3, 3], "cs", padding=(1, 1), groups=6)
    dynamic("n = 4, depthwise, stride 2 on 9x9", [2, 8, 9, 9], [4, 8, 1, 3, 3], "csk", padding=(1, 1), stride=(2, 2), groups=8)
    dynamic("n = 4, depthwise, bias and relu6", [1, 12, 8, 8], [4, 12, 1, 3, 3], "csk", bias=True, padding=(1, 1),
            groups=12, activation="relu6")
    dynamic("n = 2, 2 groups", [5, 6, 5, 5], [2, 8, 3, 3, 3], "cfsk", padding=(1, 1), groups=2)
    dynamic("n = 1, 3 groups, no spatial attention", [2, 9, 6, 6], [1, 6, 3, 3, 3], "cf", padding=(1, 1), groups=3)
    dynamic("n = 2, dilation 2 with stride 2, 5x3", [2, 4, 13, 11], [2, 6, 4, 5, 3], "cfsk", padding=(4, 2),
            dilation=(2, 2), stride=(2, 2))
    dynamic("spatial attention alone", [2, 4, 6, 6], [1, 6, 4, 3, 3], "s", padding=(1, 1))
    dynamic("kernel attention alone", [2, 4, 6, 6], [3, 6, 4, 3, 3], "k", padding=(1, 1))
    dynamic("channel attention alone", [2, 4, 6, 6], [1, 6, 4, 3, 3], "c", padding=(1, 1))
    dynamic("filter attention alone, with bias", [2, 4, 6, 6], [1, 6, 4, 3, 3], "f", bias=True, padding=(1, 1))
    dynamic("kernel attention of one kernel", [2, 4, 6, 6], [1, 6, 4, 3, 3], "k", padding=(1, 1))

    per_sample("3x3, bias and relu", [3, 4, 6, 5], [3, 6, 4, 3, 3], bias=[6], padding=(1, 1), activation="relu")
    per_sample("a bias for each, residual", [2, 5, 5, 5], [2, 7, 5, 3, 3], bias=[2, 7], residual=[2, 7, 5, 5], padding=(1, 1))
    per_sample("1x1, stride 2, batch 5", [5, 8, 5, 4], [5, 12, 8, 1, 1], bias=[5, 12], stride=(2, 2))
    per_sample("batch 1, dilation 2", [1, 3, 9, 8], [1, 4, 3, 3, 3], dilation=(2, 2), padding=(2, 2))
    per_sample("3 groups", [2, 9, 6, 6], [2, 6, 3, 3, 3], padding=(1, 1), groups=3)
    per_sample("2 groups of whole blocks, 5x3", [2, 8, 7, 7], [2, 8, 4, 5, 3], padding=(2, 1), groups=2)
    per_sample("depthwise, stride 2", [3, 6, 7, 7], [3, 6, 1, 3, 3], bias=[3, 6], padding=(1, 1), stride=(2, 2), groups=6)
    mix("n = 4, every attention there is", 3, [4, 6, 5, 3, 3], "cfsk")
    mix("n = 1, 2 groups", 2, [1, 6, 2, 3, 2], "cfs", groups=2)
    mix("n = 5, 3 groups", 2, [5, 9, 4, 1, 1], "ck", groups=3)
    mix("n = 3, depthwise", 2, [3, 6, 1, 3, 3], "csk", groups=6)
    mix("kernel attention alone", 5, [3, 8, 4, 3, 3], "k")
    mix("filter attention alone", 2, [1, 5, 4, 3, 3], "f")

    for x in [2, 6, 5, 7], [5, 10]:
        c = [x[1]]
        case(f"batch_norm, {len(x)}-D", "batch_norm",
             {"x": x, "weight": c, "bias": c, "runningMean": c, "runningVar": (c, 0.5, 1.0)}, eps=1e-5)
    for op in "relu", "relu6":
        case(f"{op}, 4-D", op, {"x": ([2, 3, 5, 5], 9.0, 0.0)})
        case(f"{op}, 2-D", op, {"x": ([5, 7], 9.0, 0.0)})
    for op in "sigmoid", "softmax":
        case(f"{op}, no temperature", op, {"x": ([5, 4], 8.0, 0.0)})
        case(f"{op}, temperature 30", op, {"x": ([5, 7], 40.0, 0.0), "temperature": ([1], 0.0, 30.0)})
    case("sigmoid, 4-D", "sigmoid", {"x": ([2, 5, 3, 3], 8.0, 0.0)})
    case("softmax, far from zero", "softmax", {"x": ([2, 5], 5.0, 500.0)})
    case("add, 4-D", "add", {"a": [2, 5, 7, 3], "b": [2, 5, 7, 3]})
    case("add, 2-D", "add", {"a": [5, 9], "b": [5, 9]})
    case("mul, same shape", "mul", {"x": [2, 5, 7, 3], "scale": [2, 5, 7, 3]})
    case("mul, by sample and channel", "mul", {"x": [5, 6, 4, 3], "scale": [5, 6]})
    case("mul, by channel", "mul", {"x": [2, 6, 4, 3], "scale": [6]})
    case("mul, by channel, 2-D", "mul", {"x": [5, 6], "scale": [6]})
    for op in "max_pool2d", "avg_pool2d":
        for name, x, k, s, p in [
            ("3x3, stride 2, padded, on 15x15", [2, 5, 15, 15], (3, 3), (2, 2), (1, 1)),
            ("2x2, stride 2, on 7x9", [5, 4, 7, 9], (2, 2), (2, 2), (0, 0)),
            ("3x2, stride 1x2, padded 1x0", [1, 3, 8, 8], (3, 2), (1, 2), (1, 0)),
            ("1x1, stride 2", [1, 6, 7, 7], (1, 1), (2, 2), (0, 0)),
        ]:
            # All below zero, so that a padded zero would show in a maximum.
            case(f"{op}, {name}", op, {"x": (x, 1.0, -2.0)}, kernelSize=k, stride=s, padding=p)
    for x in [1, 5, 7, 7], [5, 12, 1, 1], [2, 64, 16, 9]:
        case("global_avg_pool, " + "x".join(map(str, x)), "global_avg_pool", {"x": x})
    case("linear", "linear", {"x": [1, 10], "weight": [7, 10]}, activation="none")
    case("linear, batch 5, bias and relu", "linear", {"x": [5, 33], "weight": [18, 33], "bias": [18]}, activation="relu")
    case("linear, 1x1 weight, relu6", "linear", {"x": ([5, 40], 3.0, 0.0), "weight": [12, 40, 1, 1], "bias": [12]},
         activation="relu6")
    case("linear, sigmoid at temperature 30", "linear",
         {"x": [2, 16], "weight": ([9, 16], 9.0, 0.0), "bias": [9], "temperature": ([1], 0.0, 30.0)}, activation="sigmoid")
    case("linear, sigmoid", "linear", {"x": [2, 16], "weight": [9, 16], "bias": [9]}, activation="sigmoid")
    case("linear, 1000 out", "linear", {"x": [1, 64], "weight": [1000, 64], "bias": [1000]}, activation="none")
    case("flatten, 4-D", "flatten", {"x": [2, 5, 3, 4]})
    case("flatten, 2-D", "flatten", {"x": [5, 6]})
    case("dropout", "dropout", {"x": [2, 3, 4, 4]}, p=0.2)
    case("pad_channels, even", "pad_channels", {"x": [2, 4, 5, 5]}, before=2, after=2)
    case("pad_channels, uneven", "pad_channels", {"x": [5, 3, 4, 5]}, before=1, after=4)
    for op in "exp", "tanh", "silu", "hardsigmoid", "hardswish":
        for x in [2, 3, 5, 5], [5, 7]:
            case(f"{op}, {len(x)}-D", op, {"x": (x, 5.0, 0.0)})
    case("tanh, far from zero", "tanh", {"x": ([2, 5], 500.0, 0.0)})
    case("silu, far from zero", "silu", {"x": ([2, 5], 500.0, 0.0)})
    case("exp, three channels", "exp", {"x": ([1, 3, 2, 2], 1.0, 0.0)})
    case("sqrt", "sqrt", {"x": ([2, 3, 5, 5], 1.0, 1.5)})
    case("sqrt, 8 channels", "sqrt", {"x": ([2, 8, 3, 3], 1.0, 1.5)})
    for approximate in "none", "tanh":
        case(f"gelu, {approximate}", "gelu", {"x": ([2, 3, 5, 5], 6.0, 0.0)}, approximate=approximate)
    case("affine", "affine", {"x": [2, 3, 5, 5]}, factor=-1.5, shift=0.25)
    case("leaky_relu", "leaky_relu", {"x": ([2, 3, 5, 5], 3.0, 0.0)}, negativeSlope=0.2)
    for op, a, b in ("add", "a", "b"), ("sub", "a", "b"), ("mul", "x", "scale"), ("div", "a", "b"):
        for first, second in BROADCASTS:
            offset = 3.0 if op == "div" else 0.0
            case(f"{op}, {first} and {second}", op, {a: first, b: (second, 1.0, offset)})
    case("div, 8 channels", "div", {"a": [2, 8, 3, 3], "b": ([2, 8, 3, 3], 1.0, 2.0)})
    moves()
    to_sizes()
    for name, a, b in ("odd", [2, 3, 5], [2, 5, 7]), ("one row", [1, 1, 70], [1, 70, 2]), ("8 by 8", [3, 8, 8], [3, 8, 8]):
        case(f"bmm, {name}", "bmm", {"a": a, "b": b})
    interpolations()
    transposed()


# Operands of two-operand elementwise operators: what PyTorch repeats.
BROADCASTS = [
    ([2, 5, 4, 3], [2, 5, 4, 3]), ([2, 5, 4, 3], [2, 5, 1, 1]), ([2, 5, 4, 3], [1, 5, 1, 1]), ([2, 5, 4, 3], [1, 1, 1, 1]),
    ([2, 5, 4, 3], [2, 1, 4, 3]), ([2, 1, 1, 3], [1, 5, 4, 1]), ([2, 8, 1, 1], [2, 8, 3, 3]), ([5, 6], [1, 6]),
    ([5, 6], [5, 1]), ([2, 3, 5], [2, 3, 1]), ([2, 3, 5], [1, 1, 5]),
]  # fmt: skip


def moves():
    for x, to in (
        ([2, 6, 4, 3], [2, 72]), ([2, 72], [2, 6, 4, 3]), ([2, 6, 4, 3], [2, 2, 3, 4, 3]), ([2, 2, 3, 4, 3], [4, 3, 12]),
        ([2, 6, 4, 3], [2, 6, 12]), ([5], [1, 5, 1]), ([3, 5], [15]),
    ):  # fmt: skip
        case(f"reshape, {x} to {to}", "reshape", {"x": x}, shape=to)
    for x, dims in (
        ([3, 5], [1, 0]), ([2, 3, 5], [0, 2, 1]), ([2, 3, 5], [2, 0, 1]), ([2, 6, 4, 3], [0, 2, 3, 1]),
        ([2, 6, 4, 3], [1, 0, 3, 2]), ([2, 2, 3, 4, 3], [0, 2, 1, 3, 4]), ([2, 2, 3, 4, 3], [4, 1, 0, 3, 2]),
    ):  # fmt: skip
        case(f"permute, {x} by {dims}", "permute", {"x": x}, dims=dims)
    for x, dim, start, length in (
        ([2, 6, 4, 3], 1, 1, 4), ([5, 6, 4, 3], 0, 2, 2), ([2, 6, 4, 3], 2, 3, 1), ([2, 6, 4, 3], 3, 0, 2), ([5, 9], 1, 5, 4),
        ([2, 2, 3, 4, 3], 2, 1, 2),
    ):  # fmt: skip
        case(f"narrow, {x} axis {dim} from {start}", "narrow", {"x": x}, dim=dim, start=start, length=length)
    case("concat, channels", "concat", {"x0": [2, 3, 4, 3], "x1": [2, 5, 4, 3], "x2": [2, 1, 4, 3]}, dim=1)
    case("concat, six of four channels", "concat", {f"x{i}": [1, 4, 2, 2] for i in range(6)}, dim=1)
    case("concat, batch", "concat", {"x0": [2, 3, 4, 3], "x1": [1, 3, 4, 3]}, dim=0)
    case("concat, rows", "concat", {"x0": [2, 3, 1, 3], "x1": [2, 3, 4, 3]}, dim=2)
    case("concat, columns", "concat", {"x0": [2, 3, 4, 3], "x1": [2, 3, 4, 1]}, dim=3)
    case("concat, 2-D", "concat", {"x0": [2, 3], "x1": [2, 6]}, dim=1)
    case("concat, 3-D", "concat", {"x0": [2, 3, 4], "x1": [2, 3, 5]}, dim=2)


SIZES = [
    ([2, 5, 4, 3], [2, 5, 1, 1]), ([2, 5, 4, 3], [1, 5, 1, 1]), ([2, 5, 4, 3], [2, 1, 4, 3]), ([2, 5, 4, 3], [1, 1, 1, 1]),
    ([2, 5, 4, 3], [1, 5, 4, 1]), ([2, 150, 2, 2], [2, 1, 2, 2]), ([5, 6], [5, 1]), ([5, 6], [1, 6]), ([2, 3, 70], [2, 3, 1]),
    ([2, 3, 4, 2, 3], [2, 3, 1, 2, 1]), ([1, 3, 33, 17], [1, 3, 1, 1]),
]  # fmt: skip


def to_sizes():
    for large, small in SIZES:
        case(f"expand, {small} to {large}", "expand", {"x": small}, shape=large, scale=0.5)
        case(f"sum_to_size, {large} to {small}", "sum_to_size", {"x": large}, shape=small, scale=0.5)
        case(f"max_to_size, {large} to {small}", "max_to_size", {"x": (large, 1.0, -2.0)}, shape=small)


def interpolations():
    def one(name, x, size, mode, **more):
        case(f"interpolate, {name}", "interpolate", {"x": x}, mode=mode, size=size, **{"alignCorners": False} | more)

    one("nearest to twice", [2, 5, 3, 4], (6, 8), "nearest")
    one("nearest, 3x4 to 7x6", [1, 3, 3, 4], (7, 6), "nearest")
    one("nearest, smaller", [1, 3, 7, 9], (3, 4), "nearest")
    one("nearest by 2.5", [1, 4, 3, 5], (7, 12), "nearest", steps=(0.4, 0.4))
    one("bilinear to twice", [2, 5, 3, 4], (6, 8), "bilinear")
    one("bilinear, corners aligned", [2, 5, 3, 4], (5, 9), "bilinear", alignCorners=True)
    one("bilinear, smaller", [1, 3, 7, 9], (3, 4), "bilinear")
    one("bilinear by 2.5", [1, 4, 3, 5], (7, 12), "bilinear", steps=(0.4, 0.4))
    one("bilinear of one pixel", [1, 4, 1, 1], (3, 2), "bilinear")
    for size in (1, 1), (2, 3), (3, 3), (7, 7):
        one(f"area to {size}", [2, 5, 7, 5], size, "area")


def transposed():
    def one(name, x, weight, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, outputPadding=(0, 0)):
        case(f"conv_transpose2d, {name}", "conv_transpose2d", {"x": x, "weight": weight}, stride=stride, padding=padding,
             dilation=dilation, groups=groups, outputPadding=outputPadding)

    one("2x2, stride 2", [2, 5, 3, 4], [5, 6, 2, 2], stride=(2, 2))
    one("3x3, padded", [1, 4, 5, 5], [4, 8, 3, 3], padding=(1, 1))
    one("3x3, stride 2, output padding", [2, 6, 4, 3], [6, 2, 3, 3], stride=(2, 2), padding=(1, 1), outputPadding=(1, 0), groups=2)
    one("4x3, stride 2x1, dilation 1x2", [1, 3, 4, 5], [3, 5, 4, 3], stride=(2, 1), padding=(1, 2), dilation=(1, 2))
    one("depthwise, stride 2", [2, 5, 3, 3], [5, 1, 2, 2], stride=(2, 2), groups=5)


def activate(y, activation):
    return {"none": lambda: y, "relu": lambda: F.relu(y), "relu6": lambda: F.relu6(y), "sigmoid": lambda: y.sigmoid()}[activation]()


def conv2d(a, x, weight, bias=None, residual=None):
    biases = bias[:, None] if bias is not None and bias.dim() == 2 else [bias] * len(x)
    each = weight if weight.dim() == 5 else [weight] * len(x)
    y = torch.cat([
        F.conv2d(x[b : b + 1], each[b], None if biases[b] is None else biases[b].flatten(), a["stride"], a["padding"],
                 a["dilation"], a["groups"])
        for b in range(len(x))
    ])
    return activate(y if residual is None else y + residual, a["activation"])


def mix_kernels(a, weight, channel=None, filter=None, spatial=None, kernel=None):
    """Equation 2 without the convolution, sample by sample."""
    n, cout, inputs, kh, kw = weight.shape
    batch = next(len(t) for t in (channel, filter, spatial, kernel) if t is not None)
    groups = 1 if channel is None else channel.shape[1] // inputs
    ones = lambda *shape: torch.ones(shape, dtype=weight.dtype)
    channel = ones(batch, groups * inputs) if channel is None else channel
    filter = ones(batch, cout) if filter is None else filter
    spatial = ones(batch, kh * kw) if spatial is None else spatial
    kernel = ones(batch, 1) if kernel is None else kernel
    weights = []
    for b in range(batch):
        # Row o of a_c: the attentions of the input channels that output channel o sees.
        a_c = channel[b].view(groups, 1, inputs).expand(groups, cout // groups, inputs)
        w = sum(kernel[b, i] * weight[i] for i in range(n))
        weights.append(
            w * filter[b].view(cout, 1, 1, 1) * a_c.reshape(cout, inputs, 1, 1) * spatial[b].view(1, 1, kh, kw)
        )
    return torch.stack(weights)


def dynamic_conv2d(a, x, weight, channel=None, filter=None, spatial=None, kernel=None, bias=None, residual=None):
    """Equation 2, sample by sample, every attention applied to the kernels as the paper writes it."""
    if channel is filter is spatial is kernel is None:
        kernel = torch.ones((len(x), 1), dtype=x.dtype)
    if channel is None:
        channel = torch.ones(x.shape[:2], dtype=x.dtype)
    return conv2d(a, x, mix_kernels(a, weight, channel, filter, spatial, kernel), bias, residual)


def linear(a, x, weight, bias=None, temperature=1.0):
    return activate(F.linear(x, weight.flatten(1), bias) / temperature, a["activation"])


def mul(a, x, scale):
    return x * (scale[:, :, None, None] if x.dim() == 4 and scale.dim() == 2 else
                scale[:, None, None] if x.dim() == 4 and scale.dim() == 1 else scale)


def interpolate(a, x):
    if a["mode"] == "area":
        return F.adaptive_avg_pool2d(x, a["size"])
    to = {"scale_factor": [1 / step for step in a["steps"]]} if "steps" in a else {"size": a["size"]}
    return F.interpolate(x, **to, mode=a["mode"], align_corners=a["alignCorners"] if a["mode"] == "bilinear" else None)


def max_to_size(a, x):
    """torch.max over several axes at once: they become the last one."""
    kept = [i for i in range(x.dim()) if a["shape"][i] == x.shape[i]]
    reduced = [i for i in range(x.dim()) if i not in kept]
    return x.permute(kept + reduced).flatten(len(kept)).max(-1).values.reshape(a["shape"])


OPERATORS = {
    "conv2d": conv2d,
    "dynamic_conv2d": dynamic_conv2d,
    "mix_kernels": mix_kernels,
    "batch_norm": lambda a, x, weight, bias, runningMean, runningVar: F.batch_norm(
        x, runningMean, runningVar, weight, bias, eps=a["eps"]
    ),
    "relu": lambda a, x: F.relu(x),
    "relu6": lambda a, x: F.relu6(x),
    "sigmoid": lambda a, x, temperature=1.0: torch.sigmoid(x / temperature),
    "softmax": lambda a, x, temperature=1.0: F.softmax(x / temperature, dim=-1),
    "add": lambda _, *, a, b: a + b,
    "mul": mul,
    "max_pool2d": lambda a, x: F.max_pool2d(x, a["kernelSize"], a["stride"], a["padding"]),
    "avg_pool2d": lambda a, x: F.avg_pool2d(x, a["kernelSize"], a["stride"], a["padding"]),
    "global_avg_pool": lambda a, x: x.mean(dim=(2, 3)),
    "linear": linear,
    "flatten": lambda a, x: x.flatten(1),
    "dropout": lambda a, x: F.dropout(x, a["p"], training=False),
    "pad_channels": lambda a, x: F.pad(x, (0, 0, 0, 0, a["before"], a["after"])),
    "affine": lambda a, x: a["factor"] * x + a["shift"],
    "exp": lambda _, x: x.exp(),
    "sqrt": lambda _, x: x.sqrt(),
    "tanh": lambda _, x: x.tanh(),
    "silu": lambda _, x: F.silu(x),
    "gelu": lambda a, x: F.gelu(x, approximate=a["approximate"]),
    "hardsigmoid": lambda _, x: F.hardsigmoid(x),
    "hardswish": lambda _, x: F.hardswish(x),
    "leaky_relu": lambda a, x: F.leaky_relu(x, a["negativeSlope"]),
    "sub": lambda _, *, a, b: a - b,
    "div": lambda _, *, a, b: a / b,
    "conv_transpose2d": lambda a, x, weight: F.conv_transpose2d(
        x, weight, None, a["stride"], a["padding"], a["outputPadding"], a["groups"], a["dilation"]
    ),
    "bmm": lambda _, *, a, b: torch.bmm(a, b),
    "interpolate": interpolate,
    "expand": lambda a, x: a["scale"] * x.expand(a["shape"]),
    "sum_to_size": lambda a, x: a["scale"] * x.sum_to_size(a["shape"]),
    "max_to_size": max_to_size,
    "reshape": lambda a, x: x.reshape(a["shape"]),
    "permute": lambda a, x: x.permute(a["dims"]),
    "narrow": lambda a, x: x.narrow(a["dim"], a["start"], a["length"]),
    "concat": lambda a, **operands: torch.cat(list(operands.values()), a["dim"]),
}


def main():
    cases()
    results = {}
    for c in CASES:
        operands = {
            k: torch.from_numpy(uniform(f"{c['name']}.{k}", o["shape"], o["scale"], o["offset"])).double()
            for k, o in c["operands"].items()
        }
        y = OPERATORS[c["op"]](c["attributes"], **operands)
        results[c["name"]] = y.float().contiguous().numpy()
    FIXTURES.mkdir(exist_ok=True)
    save_file(results, FIXTURES / "ops.safetensors")
    lines = ",\n".join("  " + json.dumps(c) for c in CASES)
    (FIXTURES / "ops.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(CASES)} cases, {(FIXTURES / 'ops.safetensors').stat().st_size} bytes")


if __name__ == "__main__":
    main()
