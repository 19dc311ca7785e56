"""Writes tests/fixtures/repr.json: what PyTorch prints of the layers that this project has under the same names."""

import json
import os

import torch.nn as nn

LAYERS = {
    "conv": nn.Conv2d(3, 16, 3, padding=1, bias=False),
    "grouped": nn.Conv2d(4, 8, (3, 1), stride=2, dilation=2, groups=2),
    "linear": nn.Linear(3, 4),
    "linear without bias": nn.Linear(3, 4, bias=False),
    "batch norm": nn.BatchNorm2d(5),
    "batch norm, other numbers": nn.BatchNorm2d(5, eps=1e-3, momentum=0.01),
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "sigmoid": nn.Sigmoid(),
    "flatten": nn.Flatten(),
    "dropout": nn.Dropout(0.2),
    "max pool": nn.MaxPool2d(3, stride=2, padding=1),
    "average pool": nn.AvgPool2d(2, stride=1),
    "max pool of pairs": nn.MaxPool2d((3, 2)),
    "average pool of pairs": nn.AvgPool2d(3, padding=(1, 0)),
    "identity": nn.Identity(),
    "gelu": nn.GELU("tanh"),
    "leaky relu": nn.LeakyReLU(0.2),
    "group norm": nn.GroupNorm(2, 4),
    "group norm without affine": nn.GroupNorm(2, 4, eps=1e-3, affine=False),
    "layer norm": nn.LayerNorm([4, 5]),
    "layer norm of one": nn.LayerNorm(7, eps=1e-6, elementwise_affine=False),
    "batch norm of rows": nn.BatchNorm1d(5),
    "transposed": nn.ConvTranspose2d(3, 4, 2, stride=2),
    "transposed, all": nn.ConvTranspose2d(
        4, 4, 3, stride=2, padding=1, output_padding=1, groups=2, dilation=(1, 2), bias=False
    ),
    "conv of rows": nn.Conv1d(3, 4, 3),
    "conv of rows, all": nn.Conv1d(4, 4, 3, stride=2, padding=1, dilation=2, groups=2, bias=False),
    "upsample": nn.Upsample(scale_factor=2),
    "upsample to a size": nn.Upsample(size=(4, 5), mode="bilinear"),
    "upsample by a pair": nn.Upsample(scale_factor=(2, 1.5), mode="bilinear"),
    "adaptive": nn.AdaptiveAvgPool2d(1),
    "adaptive to a pair": nn.AdaptiveAvgPool2d((2, None)),
    "adaptive maximum": nn.AdaptiveMaxPool2d(1),
    "empty": nn.Sequential(),
    "nested": nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), nn.Linear(1, 2)),
}

if __name__ == "__main__":
    path = os.path.join(os.path.dirname(__file__), "..", "fixtures", "repr.json")
    with open(path, "w") as file:
        json.dump({name: repr(layer) for name, layer in LAYERS.items()}, file, indent=2)
        file.write("\n")
