"""Writes tests/fixtures/sums.json: the long sums of each operator, in float64, and how far PyTorch's float32 is from them.

Each case is a graph of one or two nodes at the extents that the registry's networks reach: 12,544 pixels an image, 4608
products a pixel, 100,352 pixels a batch. Inputs come from weights.py. Most are positive or all but constant, as
activations of flat parts of a photo are: then the roundings of a long chain of additions do not cancel but add up.
A few outputs of each are kept, and PyTorch's largest error among them, relative to the largest.
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from weights import uniform

OUTPUTS = 48
EPS = 1e-5
WINDOW = {"dilation": [1, 1]}
CASES = []


def positive(*shape):
    return {"shape": shape, "scale": 0.5, "offset": 0.5}


def flat(*shape):
    return {"shape": shape, "scale": 0.01, "offset": 1.0}


def noise(*shape, scale=1.0):
    return {"shape": shape, "scale": scale, "offset": 0.0}


def node(op, operands, **attributes):
    """`operands` are names of inputs or nodes; "x=y" gives the operand x the value y."""
    return {"op": op, "operands": dict((o if "=" in o else f"{o}={o}").split("=") for o in operands.split()), "attributes": attributes}


def add(name, inputs, nodes, reference):
    """`reference` maps the inputs to the values of some nodes, in the dtype of what it is given."""
    CASES.append((name, inputs, nodes, reference))


def single(name, inputs, op, attributes, reference):
    add(name, inputs, {"y": node(op, " ".join(inputs), **attributes)}, lambda t: {"y": reference(t)})


def add_poolings():
    for kind, values in ("flat", flat), ("positive", positive):
        x = values(2, 8, 112, 112)
        single(f"global_avg_pool, {kind}", {"x": x}, "global_avg_pool", {}, lambda t: t["x"].mean(dim=(2, 3)))
    whole = {"kernelSize": [56, 56], "stride": [56, 56], "padding": [0, 0]}
    single("avg_pool2d, 56x56", {"x": flat(2, 8, 112, 112)}, "avg_pool2d", whole, lambda t: F.avg_pool2d(t["x"], 56))


def add_statistics():
    for shape in (16, 8, 112, 112), (128, 8, 32, 32):
        extents = "x".join(map(str, shape))
        channels, count = shape[1], math.prod(shape) // shape[1]
        for kind, values in ("flat", flat), ("positive", positive):
            x = {"x": values(*shape)}
            single(f"channel_sum, {kind} {extents}", x, "channel_sum", {"scale": 1 / count}, lambda t: t["x"].mean(dim=(0, 2, 3)))
        inputs = {"x": positive(*shape), "mean": {"shape": [channels], "scale": 0.01, "offset": 0.5}}
        single(
            f"channel_variance, {extents}",
            inputs,
            "channel_variance",
            {},
            lambda t: (t["x"] - t["mean"][:, None, None]).square().mean(dim=(0, 2, 3)),
        )
        inputs = {
            "x": positive(*shape),
            "gradient": positive(*shape),
            "mean": {"shape": [channels], "scale": 0.01, "offset": 0.3},
            "variance": {"shape": [channels], "scale": 0.01, "offset": 0.1},
        }

        def weight_gradient(t):
            weight = torch.ones_like(t["mean"], requires_grad=True)
            y = F.batch_norm(t["x"], t["mean"], t["variance"], weight, eps=EPS)
            return torch.autograd.grad(y, weight, t["gradient"])[0]

        single(f"batch_norm_weight_grad, {extents}", inputs, "batch_norm_weight_grad", {"eps": EPS}, weight_gradient)
        pair = {"a": flat(*shape), "b": positive(*shape)}
        single(f"sum_products by channel, {extents}", pair, "sum_products", {"shape": [channels]}, lambda t: (t["a"] * t["b"]).sum(dim=(0, 2, 3)))
        by_sample = {"shape": [shape[0], channels]}
        single(f"sum_products by sample, {extents}", pair, "sum_products", by_sample, lambda t: (t["a"] * t["b"]).sum(dim=(2, 3)))


def add_norms():
    x = {"x": flat(512, 512, 3, 3)}
    single("sum", x, "sum", {"scale": 1e-6}, lambda t: t["x"].sum().reshape(1) * 1e-6)
    single("sum_squares", x, "sum_squares", {}, lambda t: t["x"].square().sum().reshape(1))
    parts = {f"x{i}": flat(512, 64) for i in range(3)}
    single("total", parts, "total", {}, lambda t: sum(v.sum() for v in t.values()).reshape(1))


def convolve(t, stride, padding, groups):
    """conv2d, or dynamic_conv2d as odconv.py computes it."""
    x, weight = t["x"], t["weight"]
    if weight.dim() == 4:
        return F.conv2d(x, weight, None, stride, padding, 1, groups)
    b, cin, h, w = x.shape
    n, cout, cg, kh, kw = weight.shape
    kernel = (t["kernel"] @ weight.flatten(1)).view(b, cout, cg, kh, kw) * t["spatial"].view(b, 1, 1, kh, kw)
    scaled = (x * t["channel"][:, :, None, None]).reshape(1, b * cin, h, w)
    y = F.conv2d(scaled, kernel.reshape(b * cout, cg, kh, kw), None, stride, padding, 1, groups * b)
    return y.view(b, cout, *y.shape[2:]) * t["filter"][:, :, None, None]


def window(stride, padding, groups):
    return {"stride": [stride] * 2, "padding": [padding] * 2, "dilation": [1, 1], "groups": groups}


def attentions(batch, cin, cout, taps, n):
    return {
        "channel": positive(batch, cin),
        "filter": positive(batch, cout),
        "spatial": positive(batch, taps),
        "kernel": positive(batch, n),
    }


def add_forward(name, x, cout, k, stride=1, padding=0, groups=1, n=None, weights=noise):
    batch, cin, _, _ = x["shape"]
    weight = weights(*([n] if n else []), cout, cin // groups, k, k)
    inputs = {"x": x, "weight": weight} | (attentions(batch, cin, cout, k * k, n) if n else {})
    op = "dynamic_conv2d" if n else "conv2d"
    attributes = window(stride, padding, groups) | {"activation": "none"}
    single(f"{op}, {name}", inputs, op, attributes, lambda t: convolve(t, stride, padding, groups))


def add_forwards():
    add_forward("3x3 512", positive(1, 512, 7, 7), 16, 3, 1, 1)
    add_forward("3x3 512, positive", positive(1, 512, 7, 7), 16, 3, 1, 1, weights=positive)
    add_forward("3x3 128 at 28", positive(1, 128, 28, 28), 16, 3, 1, 1)
    add_forward("1x1 2048", positive(1, 2048, 7, 7), 16, 1)
    add_forward("1x1 2048, positive", positive(1, 2048, 7, 7), 16, 1, weights=positive)
    add_forward("7x7 stem", positive(1, 3, 112, 112), 16, 7, 2, 3)
    add_forward("3x3 depthwise", positive(1, 16, 14, 14), 16, 3, 1, 1, groups=16)
    add_forward("3x3 512", positive(2, 512, 7, 7), 16, 3, 1, 1, n=4)
    add_forward("1x1 2048", positive(2, 2048, 7, 7), 16, 1, n=4)


def add_backward(name, x, cout, k, stride=1, padding=0, groups=1, n=None, size=None, which=("dx", "dw")):
    batch, cin, height, width = x["shape"]
    out = [(extent + 2 * padding - k) // stride + 1 for extent in (height, width)]
    shape = [*([n] if n else []), cout, cin // groups, k, k]
    gradient = positive(batch, cout, *out)
    scales = attentions(batch, cin, cout, k * k, n) if n else {}
    inputs = {"x": x, "gradient": gradient, "weight": noise(*shape)} | scales
    place = window(stride, padding, groups)
    others = "filter spatial kernel" if n else ""
    nodes = {
        "dx": node("conv2d_input_grad", f"gradient weight {others}", **place, inputSize=[height, width]),
        "dw": node("conv2d_weight_grad", f"x gradient {'channel' if n else ''} {others}", **place, weightShape=shape),
        "products": node("conv2d_attention_products", "x gradient weight channel", **place),
        "filter_grad": node("attention_grad", "products spatial kernel", to="filter"),
        "spatial_grad": node("attention_grad", "products filter kernel", to="spatial"),
        "kernel_grad": node("attention_grad", "products filter spatial", to="kernel"),
    }
    asked = [*which, *(["filter_grad", "spatial_grad", "kernel_grad"] if n and "dw" in which else [])]
    needed = [*asked[: len(which)], *(["products"] if len(asked) > len(which) else []), *asked[len(which) :]]
    leaves = {"dx": "x", "dw": "weight", "filter_grad": "filter", "spatial_grad": "spatial", "kernel_grad": "kernel"}

    def reference(t):
        t = {key: value.detach() for key, value in t.items()}
        if n:  # the gradient to x is asked for before the channel attention
            t["x"] = t["x"] * t["channel"][:, :, None, None]
            t["channel"] = torch.ones_like(t["channel"])
        for key in asked:
            t[leaves[key]].requires_grad_()
        y = convolve(t, stride, padding, groups)
        return dict(zip(asked, torch.autograd.grad(y, [t[leaves[key]] for key in asked], t["gradient"])))

    used = {operand for key in needed for operand in nodes[key]["operands"].values()}
    add(f"convolution's backward, {name}", inputs if used >= set(inputs) else {k: v for k, v in inputs.items() if k in used or k in ("x", "weight")}, {key: nodes[key] for key in needed}, reference)


def add_backwards():
    add_backward("1x1 at 112", positive(8, 8, 112, 112), 16, 1, which=("dw",))
    add_backward("3x3 at 56", positive(8, 8, 56, 56), 8, 3, 1, 1, which=("dw",))
    add_backward("3x3 depthwise at 112", positive(8, 8, 112, 112), 8, 3, 1, 1, groups=8, which=("dw",))
    add_backward("7x7 stem", positive(2, 3, 224, 224), 8, 7, 2, 3, which=("dw",))
    add_backward("3x3 of 4 kernels at 56", positive(4, 8, 56, 56), 8, 3, 1, 1, n=4)
    add_backward("1x1 of 4 kernels at 112", positive(4, 8, 112, 112), 8, 1, n=4)
    add_backward("3x3 512", positive(1, 16, 7, 7), 512, 3, 1, 1, which=("dx",))
    add_backward("1x1 2048", positive(1, 16, 7, 7), 2048, 1, which=("dx",))


def add_linears():
    single("linear 2048", {"x": positive(5, 2048), "weight": noise(100, 2048)}, "linear", {"activation": "none"}, lambda t: F.linear(t["x"], t["weight"]))
    single("linear 2048, positive", {"x": positive(5, 2048), "weight": positive(100, 2048)}, "linear", {"activation": "none"}, lambda t: F.linear(t["x"], t["weight"]))
    single("linear_input_grad", {"gradient": positive(5, 1000), "weight": positive(1000, 64)}, "linear_input_grad", {}, lambda t: t["gradient"] @ t["weight"])
    single("linear_weight_grad", {"x": positive(1024, 64), "gradient": positive(1024, 40)}, "linear_weight_grad", {"weightShape": [40, 64]}, lambda t: t["gradient"].T @ t["x"])


def add_losses():
    single("softmax", {"x": flat(5, 1000)}, "softmax", {}, lambda t: F.softmax(t["x"], 1))
    logits, labels = flat(1024, 1000), {"shape": [1024], "labels": 1000}
    for smoothing in 0.0, 0.1:
        loss = lambda t, s=smoothing: F.cross_entropy(t["logits"], t["labels"].long(), label_smoothing=s)
        attributes = {"labelSmoothing": smoothing}
        single(f"cross_entropy, smoothing {smoothing}", {"logits": logits, "labels": labels}, "cross_entropy", attributes, lambda t, loss=loss: loss(t).reshape(1))

        def gradient(t, loss=loss):
            t = t | {"logits": t["logits"].detach().requires_grad_()}
            return torch.autograd.grad(loss(t), t["logits"], t["gradient"][0])[0]

        inputs = {"logits": logits, "labels": labels, "gradient": {"shape": [1], "scale": 0.0, "offset": 1.0}}
        single(f"cross_entropy_grad, smoothing {smoothing}", inputs, "cross_entropy_grad", attributes, gradient)


def values(name, operand, given):
    shape = list(given["shape"])
    if "labels" in given:
        return np.arange(shape[0], dtype=np.float32) * 7 % given["labels"]
    return uniform(f"{name}.{operand}", shape, given["scale"], given["offset"])


def measure(name, inputs, nodes, reference):
    given = {operand: torch.from_numpy(values(name, operand, given)) for operand, given in inputs.items()}
    single, double = reference(given), reference({k: v.double() for k, v in given.items()})
    outputs = {}
    for key, exact in double.items():
        exact, approximate = (v.detach().double().numpy().reshape(-1) for v in (exact, single[key]))
        step = max(1, exact.size // OUTPUTS)
        kept = exact[::step][:OUTPUTS]
        error = np.abs(approximate[::step][:OUTPUTS] - kept).max() / np.abs(kept).max()
        outputs[key] = {"step": step, "expected": [float(f"{v:.12g}") for v in kept], "torchError": float(f"{error:.2e}")}
    print(f"{name:60} " + " ".join(f"{key} {output['torchError']:.1e}" for key, output in outputs.items()), flush=True)
    return {"name": name, "inputs": inputs, "nodes": nodes, "outputs": outputs}


def main():
    add_poolings()
    add_statistics()
    add_norms()
    add_forwards()
    add_backwards()
    add_linears()
    add_losses()
    lines = ",\n".join("    " + json.dumps(measure(*case)) for case in CASES)
    path = Path(__file__).parent.parent / "fixtures" / "sums.json"
    path.write_text(f'{{\n  "torch": "{torch.__version__}",\n  "cases": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
