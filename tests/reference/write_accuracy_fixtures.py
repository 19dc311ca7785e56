"""Writes tests/fixtures/accuracy.json: float32 logits of 40 images and 12 classes, some of them very large, their labels,
and what PyTorch makes of them: the five largest, the cross-entropy of each image in float64, the means.

    python tests/reference/write_accuracy_fixtures.py
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F


def main():
    torch.manual_seed(0)
    logits = torch.randn(40, 12) * torch.logspace(-2, 4, 40)[:, None]
    labels = torch.randint(0, 12, (40,))
    labels[::2] = logits[::2].argmax(1)
    values, classes = logits.topk(5)
    hits = classes == labels[:, None]
    fixture = {
        "logits": logits.tolist(),
        "labels": labels.tolist(),
        "classes": classes.tolist(),
        "values": values.tolist(),
        "losses": F.cross_entropy(logits.double(), labels, reduction="none").tolist(),
        "top1": 100 * hits[:, 0].double().mean().item(),
        "top5": 100 * hits.any(1).double().mean().item(),
        "loss": F.cross_entropy(logits.double(), labels).item(),
        "softmax": logits[3].double().softmax(0).tolist(),
    }
    path = Path(__file__).parent.parent / "fixtures" / "accuracy.json"
    path.write_text("{\n" + ",\n".join(f'  "{k}": {json.dumps(v)}' for k, v in fixture.items()) + "\n}\n")


if __name__ == "__main__":
    main()
