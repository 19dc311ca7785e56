"""Holds `export` against PyTorch itself: what it writes is loaded, trained on, saved and converted back.

    python tests/reference/check_export.py

For each case a model is trained for two steps and saved as the published training script does. `convert` takes it,
`export` gives it back; PyTorch loads that with weights_only=True into a model under DistributedDataParallel and an
optimizer, strictly. Model and optimizer have to be those that were saved, bit for bit; so has a third step, taken by
both; and so has what `convert` reads of that. Needs torch, safetensors and deno; nothing is left behind.
"""

import contextlib
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.nn.parallel import DistributedDataParallel

import odconv

ROOT = Path(__file__).resolve().parents[2]
OPTIMIZERS = {
    "SGD": {"lr": 1e-4, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": True},
    "AdamW": {"lr": 0.002, "betas": (0.8, 0.99), "weight_decay": 0.05},
}
CASES = [
    # Architecture, kernels, reduction, optimizer.
    ("od_resnet20", 4, 0.5, "SGD"),
    ("resnet20", 1, 0.0625, "AdamW"),
    ("od_mobilenetv2_050", 1, 0.0625, "SGD"),
]


def tool(name, *args):
    command = ["deno", "run", "--quiet", "--allow-all", f"tools/{name}.ts", *map(str, args)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})


def assert_same(found, expected):
    """Same names in the same order, same types, same bits."""
    assert list(found) == list(expected), set(found) ^ set(expected)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype and torch.equal(found[name], value), name


def assert_same_optimizer(found, expected):
    assert found["param_groups"] == expected["param_groups"], (found["param_groups"], expected["param_groups"])
    assert list(found["state"]) == list(expected["state"])
    for index, state in expected["state"].items():
        assert_same(found["state"][index], state)


def make(arch, kernel_num, reduction, optimizer):
    model = DistributedDataParallel(odconv.build(arch, kernel_num, reduction, num_classes=10))
    return model, getattr(torch.optim, optimizer)(model.parameters(), **OPTIMIZERS[optimizer])


def step(model, optimizer, seed):
    torch.manual_seed(seed)
    x, labels = torch.randn(4, 3, 32, 32), torch.randint(10, (4,))
    F.cross_entropy(model.train()(x), labels).backward()
    optimizer.step()
    optimizer.zero_grad()


def save(path, model, optimizer, epoch):
    best = torch.tensor(50.0 + epoch)
    state = {"epoch": epoch, "state_dict": model.state_dict(), "acc": best, "best_acc": best}
    torch.save({**state, "optimizer": optimizer.state_dict()}, path)


def save_training_state(path, model, optimizer):
    """The state file that `train` writes, made from PyTorch's optimizer."""
    names = [name for name, _ in model.module.named_parameters()]
    tensors = dict(model.module.state_dict())
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"{names[index]}/{key}": value for key, value in state.items() if key != "step"}
    kind = type(optimizer).__name__
    description = json.dumps({"type": kind, **OPTIMIZERS[kind]})
    save_file(tensors, path, {"epoch": "2", "step": "2", "best_acc": "52.5", "optimizer": description})


def check(folder, case):
    model, optimizer = make(*case)
    for seed in range(2):
        step(model, optimizer, seed)
    save(folder / "theirs.pth.tar", model, optimizer, 2)
    tool("convert", folder / "theirs.pth.tar", "--reduction", case[2], "--out", folder / "ours.safetensors")

    # Without a training state: an optimizer that begins.
    tool("export", folder / "ours.safetensors", "--out", folder / "fresh.pth.tar")
    fresh = torch.load(folder / "fresh.pth.tar", weights_only=True)
    assert (fresh["epoch"], fresh["best_acc"], fresh["arch"]) == (0, 0, case[0])
    assert_same(fresh["state_dict"], model.state_dict())
    other = odconv.build(*case[:3], num_classes=10)
    begins = torch.optim.SGD(other.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    assert_same_optimizer(fresh["optimizer"], begins.state_dict())
    begins.load_state_dict(fresh["optimizer"])

    # With one.
    save_training_state(folder / "ours.state.safetensors", model, optimizer)
    tool("export", folder / "ours.safetensors", "--out", folder / "resume.pth.tar")
    for mmap in (False, True):
        resume = torch.load(folder / "resume.pth.tar", weights_only=True, mmap=mmap)
        assert (resume["epoch"], resume["best_acc"]) == (2, 52.5)
        assert_same(resume["state_dict"], model.state_dict())
        assert_same_optimizer(resume["optimizer"], optimizer.state_dict())
    torch.manual_seed(99)
    resumed, resumed_optimizer = make(*case)
    resumed.load_state_dict(resume["state_dict"], strict=True)
    resumed_optimizer.load_state_dict(resume["optimizer"])
    step(model, optimizer, 2)
    step(resumed, resumed_optimizer, 2)
    assert_same(resumed.state_dict(), model.state_dict())

    # And back.
    save(folder / "checkpoint.pth.tar", resumed, resumed_optimizer, 3)
    tool("convert", folder / "checkpoint.pth.tar", "--reduction", case[2], "--out", folder / "back.safetensors")
    assert_same(reorder(load_file(folder / "back.safetensors"), model.module), model.module.state_dict())

    # The other formats, and half precision.
    tool("export", folder / "back.safetensors", "--out", folder / "bare.pth")
    other.load_state_dict(torch.load(folder / "bare.pth", weights_only=True), strict=True)
    assert_same(other.state_dict(), model.module.state_dict())
    tool("export", folder / "back.safetensors", "--out", folder / "half.safetensors", "--dtype", "f16")
    half = {n: v.half() if v.is_floating_point() else v for n, v in model.module.state_dict().items()}
    assert_same(reorder(load_file(folder / "half.safetensors"), model.module), half)
    with safe_open(folder / "half.safetensors", "pt") as file:
        assert file.metadata()["architecture"] == case[0]
    tool("export", folder / "half.safetensors", "--out", folder / "half.pth")
    assert_same(torch.load(folder / "half.pth", weights_only=True), half)
    tool("export", folder / "half.safetensors", "--out", folder / "wide.pth", "--dtype", "f32")
    wide = {n: v.float() if v.dtype == torch.float16 else v for n, v in half.items()}
    assert_same(torch.load(folder / "wide.pth", weights_only=True), wide)


def check_page(folder, case):
    """Runs docs/pytorch.md's own lines, in the folder that they talk of."""
    (folder / "go").mkdir()
    tool("export", folder / "ours.safetensors", "--out", folder / "go/checkpoint.pth.tar")
    text = (ROOT / "docs/pytorch.md").read_text()
    names = {"torch": torch, "DistributedDataParallel": DistributedDataParallel}
    with contextlib.chdir(folder):
        for block in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
            exec(block, names | {"network": odconv.build(*case[:3], num_classes=10)})


def reorder(tensors, model):
    """The safetensors library sorts names; their order is the header's, which it does not tell."""
    assert set(tensors) == set(model.state_dict())
    return {name: tensors[name] for name in model.state_dict()}


def main():
    with tempfile.TemporaryDirectory() as name:
        dist.init_process_group("gloo", init_method=f"file://{name}/rendezvous", rank=0, world_size=1)
        for i, case in enumerate(CASES):
            folder = Path(name) / str(i)
            folder.mkdir()
            torch.manual_seed(i)
            check(folder, case)
            if case[3] == "SGD":  # as the page has it
                check_page(folder, case)
            print(*case, "ok", flush=True)
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
