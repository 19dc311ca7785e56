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
    "empty": nn.Sequential(),
    "nested": nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), nn.Linear(1, 2)),
}

if __name__ == "__main__":
    path = os.path.join(os.path.dirname(__file__), "..", "fixtures", "repr.json")
    with open(path, "w") as file:
        json.dump({name: repr(layer) for name, layer in LAYERS.items()}, file, indent=2)
        file.write("\n")
