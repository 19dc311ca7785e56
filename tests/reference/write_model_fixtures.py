"""Writes tests/fixtures/models.json and models.safetensors: PyTorch's logits of every architecture.

Weights and images come from weights.py, so that only logits are stored: float32 PyTorch's, whose own distance from
float64 is in the JSON, relative to the largest logit. "quick" rows are small enough for every test run; the others
are at the architecture's own image size, for `deno task parity`.
"""

import json
import time
from pathlib import Path

import torch
from safetensors.numpy import save_file

from odconv import ARCHITECTURES, build
from weights import state_dict, uniform

FIXTURES = Path(__file__).parent.parent / "fixtures"


def row(arch, size, batch=1, kernel_num=1, reduction=0.0625, num_classes=None, quick=False):
    classes = num_classes or (10 if arch.endswith("resnet20") else 1000)
    dynamic = arch.startswith("od_")
    return {
        "name": f"{arch}_{kernel_num}x@{size}" if dynamic else f"{arch}@{size}",
        "arch": arch,
        "kernelNum": kernel_num,
        "reduction": reduction,
        "numClasses": classes,
        "size": size,
        "batch": batch,
        "quick": quick,
    }


def rows():
    for base in ARCHITECTURES:
        size = 32 if base == "resnet20" else 224
        yield row(base, size)
        for kernel_num in 1, 4:
            yield row(f"od_{base}", size, kernel_num=kernel_num)
    quick = {"num_classes": 40, "quick": True}
    yield row("resnet18", 48, 2, **quick)
    yield row("od_resnet18", 48, 2, 4, **quick)
    yield row("od_resnet50", 48, 2, 1, reduction=0.125, **quick)
    yield row("mobilenetv2_050", 48, 2, **quick)
    yield row("od_mobilenetv2_050", 48, 2, 4, **quick)
    yield row("od_resnet20", 31, 5, 2, **quick)


@torch.inference_mode()
def logits(r):
    """float32 and float64 logits [B, classes]."""
    model = build(r["arch"], r["kernelNum"], r["reduction"], r["numClasses"]).eval()
    own = model.state_dict()
    for name, values in state_dict({name: tuple(t.shape) for name, t in own.items()}):
        own[name].copy_(torch.from_numpy(values))
    x = torch.from_numpy(uniform("image", [r["batch"], 3, r["size"], r["size"]], 2.0))
    return model(x), model.double()(x.double())


def main():
    tensors, table = {}, []
    for r in rows():
        start = time.time()
        single, double = logits(r)
        error = ((single.double() - double).abs().max() / double.abs().max()).item()
        print(f"{r['name']:28} largest logit {double.abs().max():6.2f}, float32 error {error:.1e}, {time.time() - start:.0f} s")
        tensors[r["name"]] = single.numpy()
        table.append(r | {"torchError": float(f"{error:.2e}")})
    save_file(tensors, FIXTURES / "models.safetensors")
    lines = ",\n".join("    " + json.dumps(r) for r in table)
    (FIXTURES / "models.json").write_text(f'{{\n  "torch": "{torch.__version__}",\n  "models": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
