"""Times networks of this project's PyTorch reference: a line of JSON in, a line with one run's milliseconds out.

    {"work": "forward" or "train", "model", "kernelNum", "batch", "imageSize"} -> {"ms"}

The first line it writes says what it is. Work that is asked for again is not prepared again. Eager mode, float32, as many
threads as PyTorch takes by itself.
"""

import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "reference"))
from odconv import build  # noqa: E402


def prepare(job):
    """A function that does the job's work once."""
    torch.manual_seed(0)
    model = build(job["model"], job["kernelNum"])
    x = torch.randn(job["batch"], 3, job["imageSize"], job["imageSize"])
    if job["work"] == "forward":
        model.eval()

        def forward():
            with torch.inference_mode():
                model(x)

        return forward
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)
    labels = torch.arange(job["batch"])

    def step():
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()

    return step


def run(work):
    """Milliseconds of one time."""
    before = time.perf_counter()
    work()
    return (time.perf_counter() - before) * 1000


print(json.dumps({"description": f"PyTorch {torch.__version__}, eager, {torch.get_num_threads()} threads"}), flush=True)
prepared = None
for line in sys.stdin:
    if line != prepared:
        work = prepare(json.loads(line))
        prepared = line
    print(json.dumps({"ms": run(work)}), flush=True)
