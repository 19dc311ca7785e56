"""Writes tests/fixtures/layers.json and layers.safetensors: layers of torch.nn that src/nn has under the same names.

A case names the layer, its arguments here and the shape of x. Weights and x are made by weights.uniform from "CASE.NAME" on
both sides; results "CASE.y" are computed in float64 and stored as float32.

    python tests/reference/write_layer_fixtures.py
"""

import json

import torch
from safetensors.numpy import save_file
from torch import nn

from weights import uniform
from write_op_fixtures import FIXTURES

# The layer, its arguments here, the shape of x, the layer of PyTorch.
CASES = [
    ("Identity", [], [2, 3, 4, 5], nn.Identity()),
    ("Tanh", [], [2, 3, 4, 5], nn.Tanh()),
    ("SiLU", [], [2, 3, 4, 5], nn.SiLU()),
    ("Hardsigmoid", [], [2, 3, 4, 5], nn.Hardsigmoid()),
    ("Hardswish", [], [2, 3, 4, 5], nn.Hardswish()),
    ("GELU", [], [2, 3, 4, 5], nn.GELU()),
    ("GELU", ["tanh"], [2, 3, 4, 5], nn.GELU("tanh")),
    ("LeakyReLU", [], [2, 3, 4, 5], nn.LeakyReLU()),
    ("LeakyReLU", [0.3], [2, 3, 4, 5], nn.LeakyReLU(0.3)),
    ("Upsample", [{"scaleFactor": 2}], [2, 3, 4, 5], nn.Upsample(scale_factor=2)),
    ("Upsample", [{"scaleFactor": [1.5, 2.5], "mode": "bilinear"}], [2, 3, 4, 5],
     nn.Upsample(scale_factor=(1.5, 2.5), mode="bilinear")),
    ("Upsample", [{"size": [7, 3], "mode": "bilinear", "alignCorners": True}], [2, 3, 4, 5],
     nn.Upsample((7, 3), mode="bilinear", align_corners=True)),
    ("AdaptiveAvgPool2d", [1], [2, 3, 7, 5], nn.AdaptiveAvgPool2d(1)),
    ("AdaptiveAvgPool2d", [[3, None]], [2, 3, 7, 5], nn.AdaptiveAvgPool2d((3, None))),
    ("AdaptiveMaxPool2d", [1], [2, 3, 7, 5], nn.AdaptiveMaxPool2d(1)),
    ("MaxPool2d", [[2, 3], {"stride": [1, 2], "padding": [0, 1]}], [2, 3, 7, 5], nn.MaxPool2d((2, 3), (1, 2), (0, 1))),
    ("AvgPool2d", [[3, 2], {"padding": [1, 0]}], [2, 3, 7, 5], nn.AvgPool2d((3, 2), padding=(1, 0))),
    ("GroupNorm", [3, 6], [2, 6, 4, 5], nn.GroupNorm(3, 6)),
    ("GroupNorm", [1, 6, {"eps": 0.1, "affine": False}], [2, 6, 7], nn.GroupNorm(1, 6, 0.1, False)),
    ("LayerNorm", [6], [5, 6], nn.LayerNorm(6)),
    ("LayerNorm", [[4, 5]], [2, 3, 4, 5], nn.LayerNorm((4, 5))),
    ("BatchNorm1d", [6], [5, 6], nn.BatchNorm1d(6).eval()),
    ("BatchNorm1d", [6], [5, 6, 7], nn.BatchNorm1d(6).eval()),
    ("ConvTranspose2d", [4, 6, 2, {"stride": 2}], [2, 4, 3, 5], nn.ConvTranspose2d(4, 6, 2, 2)),
    ("ConvTranspose2d", [4, 6, [3, 2], {"stride": 2, "padding": 1, "outputPadding": [1, 0], "groups": 2, "bias": False}],
     [2, 4, 3, 5], nn.ConvTranspose2d(4, 6, (3, 2), 2, 1, (1, 0), 2, False)),
    ("Conv1d", [1, 1, 3, {"padding": 1, "bias": False}], [2, 1, 16], nn.Conv1d(1, 1, 3, padding=1, bias=False)),
    ("Conv1d", [4, 6, 3, {"stride": 2, "groups": 2, "dilation": 2}], [2, 4, 11], nn.Conv1d(4, 6, 3, 2, groups=2, dilation=2)),
]  # fmt: skip


def main():
    cases, results = [], {}
    for layer, arguments, x, module in CASES:
        name = f"{layer} {json.dumps(arguments)} of {x}"
        module = module.double()
        for key, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                offset = 1.5 if key == "running_var" else 0.0
                tensor.copy_(torch.from_numpy(uniform(f"{name}.{key}", list(tensor.shape), 1.0, offset)).double())
        values = torch.from_numpy(uniform(f"{name}.x", x, 4.0, 0.0)).double()
        cases.append({"name": name, "layer": layer, "arguments": arguments, "x": x})
        results[f"{name}.y"] = module(values).detach().float().contiguous().numpy()
    save_file(results, FIXTURES / "layers.safetensors")
    lines = ",\n".join("  " + json.dumps(c) for c in cases)
    (FIXTURES / "layers.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(cases)} cases, {(FIXTURES / 'layers.safetensors').stat().st_size} bytes")


if __name__ == "__main__":
    main()
