"""Writes tests/fixtures/state_dicts.json: for every architecture and kernel_num 1, 2, 4 the number of trainable
parameters and a SHA-256 over the state dict's names, shapes and types in PyTorch's order, a line a tensor:
"layer1.0.conv1.weight [4, 64, 64, 3, 3] float32".

    python tests/reference/write_state_dict_fixtures.py
"""

import hashlib
import json
from pathlib import Path

import torch

import odconv


def listing(model):
    return "".join(f"{k} {list(v.shape)} {str(v.dtype).removeprefix('torch.')}\n" for k, v in model.state_dict().items())


def main():
    rows = []
    for base in odconv.ARCHITECTURES:
        for arch, kernel_num in [(base, 1)] + [(f"od_{base}", n) for n in (1, 2, 4)]:
            # Shapes only: nothing is computed on the meta device.
            with torch.device("meta"):
                model = odconv.build(arch, kernel_num)
            rows.append(
                {
                    "arch": arch,
                    "kernelNum": kernel_num,
                    "tensors": len(model.state_dict()),
                    "parameters": sum(p.numel() for p in model.parameters()),
                    "sha256": hashlib.sha256(listing(model).encode()).hexdigest(),
                }
            )
    path = Path(__file__).parent.parent / "fixtures" / "state_dicts.json"
    path.write_text("[\n  " + ",\n  ".join(json.dumps(r) for r in rows) + "\n]\n")


if __name__ == "__main__":
    main()
