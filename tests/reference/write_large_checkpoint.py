"""Writes a checkpoint as training leaves it, of any of the networks: to measure what converting it takes.

    python tests/reference/write_large_checkpoint.py od_resnet50 4 /tmp/od_resnet50_4x.pth.tar
    deno run -A bench/convert_memory.ts /tmp/od_resnet50_4x.pth.tar
"""

import sys

import torch

import odconv


def main(arch, kernel_num, path):
    torch.manual_seed(0)
    model = odconv.build(arch, int(kernel_num))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter) * 1e-3
    optimizer.step()
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    torch.save(
        {"epoch": 1, "arch": arch, "state_dict": state, "best_acc": torch.tensor(78.5), "optimizer": optimizer.state_dict()},
        path,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
