"""Writes tests/fixtures/models.json and models.safetensors: PyTorch's logits of every architecture, in float64.

Weights and images come from weights.py, so that only logits are stored; how far PyTorch's float32 is from them is in
the JSON, relative to the largest logit. "quick" rows are small enough for every test run; the others are at the
architecture's own image size, for `deno task parity`. Dynamic networks come once more with sensitive attentions and an
image of patches; of these, the means of some norms are stored, too.
"""

import json
import time
from pathlib import Path

import torch
from safetensors.numpy import save_file

from odconv import ARCHITECTURES, SMALL_RESNETS, build
from weights import patches, sensitive_scale_and_offset, sensitivity, state_dict, uniform

FIXTURES = Path(__file__).parent.parent / "fixtures"


def row(arch, size, batch=1, kernel_num=1, reduction=0.0625, num_classes=None, quick=False, sensitive=False):
    classes = num_classes or (10 if arch.removeprefix("od_") in SMALL_RESNETS else 1000)
    dynamic = arch.startswith("od_")
    return {
        "name": (f"{arch}_{kernel_num}x@{size}" if dynamic else f"{arch}@{size}") + ("-sensitive" if sensitive else ""),
        "arch": arch,
        "kernelNum": kernel_num,
        "reduction": reduction,
        "numClasses": classes,
        "size": size,
        "batch": batch,
        "quick": quick,
        "sensitive": sensitive,
    }


def image_size(base):
    return 32 if base in SMALL_RESNETS else 224


def rows():
    for base in ARCHITECTURES:
        size = image_size(base)
        yield row(base, size)
        for kernel_num in 1, 4:
            yield row(f"od_{base}", size, kernel_num=kernel_num)
    for base in ARCHITECTURES:
        for kernel_num in 1, 4:
            quick = kernel_num == 4 and base in ("resnet18", "mobilenetv2_050")
            yield row(f"od_{base}", image_size(base), kernel_num=kernel_num, quick=quick, sensitive=True)
    quick = {"num_classes": 40, "quick": True}
    yield row("resnet18", 48, 2, **quick)
    yield row("od_resnet18", 48, 2, 4, **quick)
    yield row("od_resnet50", 48, 2, 1, reduction=0.125, **quick)
    yield row("mobilenetv2_050", 48, 2, **quick)
    yield row("od_mobilenetv2_050", 48, 2, 4, **quick)
    yield row("od_resnet20", 31, 5, 2, **quick)


def conditioned(model):
    """Sets the means of the sensitive attentions' norms as an image comes through, and returns them by name."""
    means = {}

    def hook(name, module):
        def set_mean(_, inputs):
            given = inputs[0].mean(dim=(0, 2, 3))
            # What is left after the norm is of order one, whatever the spread.
            left = torch.from_numpy(uniform(f"{name}.left", [len(given)], 1.5 * sensitivity(name)))
            module.running_mean.copy_((given - left).float())
            means[f"{name}.running_mean"] = module.running_mean.float().numpy()

        return module.register_forward_pre_hook(set_mean)

    hooks = [hook(name, m) for name, m in model.named_modules() if name.endswith("attention.bn") and sensitivity(name)]
    return means, hooks


@torch.inference_mode()
def logits(r):
    """float32 and float64 logits [B, classes], and the means of sensitive norms."""
    model = build(r["arch"], r["kernelNum"], r["reduction"], r["numClasses"]).eval()
    own = model.state_dict()
    shapes = {name: tuple(t.shape) for name, t in own.items()}
    for name, values in state_dict(shapes, sensitive_scale_and_offset) if r["sensitive"] else state_dict(shapes):
        own[name].copy_(torch.from_numpy(values))
    image = patches("patches", r["batch"], r["size"]) if r["sensitive"] else uniform("image", [r["batch"], 3, r["size"], r["size"]], 2.0)
    x = torch.from_numpy(image)
    model.double()
    means, hooks = conditioned(model) if r["sensitive"] else ({}, [])
    double = model(x.double())
    for hook in hooks:
        hook.remove()
    return model.float()(x), double, means


def main():
    tensors, table = {}, []
    for r in rows():
        start = time.time()
        single, double, means = logits(r)
        error = ((single.double() - double).abs().max() / double.abs().max()).item()
        print(f"{r['name']:36} largest logit {double.abs().max():6.2f}, float32 error {error:.1e}, {time.time() - start:.0f} s")
        tensors[r["name"]] = double.float().numpy()
        tensors |= {f"{r['name']}/{name}": mean for name, mean in means.items()}
        table.append(r | {"torchError": float(f"{error:.2e}")})
    save_file(tensors, FIXTURES / "models.safetensors")
    lines = ",\n".join("    " + json.dumps(r) for r in table)
    (FIXTURES / "models.json").write_text(f'{{\n  "torch": "{torch.__version__}",\n  "models": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
