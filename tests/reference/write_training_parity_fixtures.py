"""Writes tests/fixtures/training_parity.json and training_parity.safetensors: whole networks in training.

For each network and temperature: the gradient to every parameter and every running statistic after the first step, and the
losses of 20 SGD steps on one batch, all by PyTorch in float64. Weights, images and labels come from weights.py. What a
step leaves in a network's tensors is too large to be kept; of each tensor, in the state dict's order,
the fixture has one row:

    L2 norm | relative L2 distance of PyTorch's float32 from float64 | 32 projections

A projection is the sum of the elements with pseudo-random signs (signs() below, tests/support/sketch.ts).

    python tests/reference/write_training_parity_fixtures.py
"""

import itertools
import json
import time

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch import nn

from odconv import build, set_temperature
from weights import mix, seed_of, training_state_dict, uniform
from write_op_fixtures import FIXTURES

SIZE, BATCH, CLASSES = 64, 8, 1000
CASES = list(itertools.product(("od_resnet18", "od_mobilenetv2_050"), (1, 4), (30, 1)))
STEPS = 20
SGD = {"lr": 1e-4, "momentum": 0.9, "weight_decay": 1e-4}
PROJECTIONS = 32


def images():
    """Noise around a colour of each image's own: pooled features differ between images, as those of photographs do."""
    colour = uniform("image.colour", [BATCH, 3, 1, 1])
    return torch.from_numpy(uniform("image", [BATCH, 3, SIZE, SIZE]) + colour)


def labels():
    return torch.from_numpy(((uniform("labels", [BATCH]).astype(np.float64) + 1) / 2 * CLASSES).astype(np.int64))


def signs(start, end):
    """+-1 for the elements from start to end of a flattened tensor: float64 [end - start, PROJECTIONS]."""
    bits = mix(mix(np.arange(start, end, dtype=np.uint32)) ^ seed_of("sketch"))
    return 1.0 - 2.0 * (bits[:, None] >> np.arange(PROJECTIONS, dtype=np.uint32) & np.uint32(1))


def sketch(tensor, chunk=2**18):
    x = tensor.flatten().numpy()
    return sum(x[i : i + chunk] @ signs(i, min(i + chunk, len(x))) for i in range(0, len(x), chunk))


def network(arch, kernel_num, temperature, dtype):
    model = build(arch, kernel_num).train()
    own = model.state_dict()
    for name, values in training_state_dict({name: tuple(t.shape) for name, t in own.items()}):
        own[name].copy_(torch.from_numpy(values))
    for m in model.modules():
        if isinstance(m, nn.Dropout):
            m.p = 0.0
    set_temperature(model, temperature)
    return model.to(dtype)


def train(arch, kernel_num, temperature, dtype):
    """The losses of all steps, and what the first one left by name: gradients and running statistics."""
    model = network(arch, kernel_num, temperature, dtype)
    optimizer = torch.optim.SGD(model.parameters(), **SGD)
    x, y = images().to(dtype), labels()
    losses, first = [], {}
    for step in range(STEPS):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            gradients = {name: p.grad for name, p in model.named_parameters()}
            floats = {name: t for name, t in model.state_dict().items() if t.is_floating_point()}
            first = {name: gradients.get(name, t).double().clone() for name, t in floats.items()}
        optimizer.step()
    return losses, first


def compare(arch, kernel_num, temperature):
    """A row of the JSON and its table of sketches [tensors, 2 + PROJECTIONS]."""
    start = time.time()
    losses, expected = train(arch, kernel_num, temperature, torch.float64)
    single_losses, single = train(arch, kernel_num, temperature, torch.float32)
    rows, errors = [], []
    for name, t in expected.items():
        norm = t.norm().item()
        errors.append(((single[name] - t).norm().item() / norm, name))
        rows.append([norm, errors[-1][0], *sketch(t)])
    row = {
        "name": f"{arch}_{kernel_num}x@{temperature}",
        "arch": arch,
        "kernelNum": kernel_num,
        "temperature": temperature,
        "torchLosses": [float(f"{loss:.7f}") for loss in single_losses],
        "losses": [float(f"{loss:.10f}") for loss in losses],
    }
    worst, where = max(errors)
    curve = max(abs(a / b - 1) for a, b in zip(single_losses, losses))
    print(f"{row['name']:26} loss {losses[0]:.3f} -> {losses[-1]:.3f}, float32: curve {curve:.1e}, worst tensor {worst:.1e} "
          f"({where}), median {sorted(errors)[len(errors) // 2][0]:.1e}, {time.time() - start:.0f} s", flush=True)  # fmt: skip
    return row, np.array(rows, dtype=np.float32)


def main():
    rows, tables = [], {}
    for case in CASES:
        row, table = compare(*case)
        rows.append(row)
        tables[row["name"]] = table
    save_file(tables, FIXTURES / "training_parity.safetensors")
    head = {"torch": torch.__version__, "imageSize": SIZE, "batch": BATCH, "classes": CLASSES, "sgd": SGD}
    lines = ",\n".join("    " + json.dumps(r) for r in rows)
    text = json.dumps(head, indent=2)[:-2] + f',\n  "cases": [\n{lines}\n  ]\n}}\n'
    (FIXTURES / "training_parity.json").write_text(text)


if __name__ == "__main__":
    main()
