"""Times networks of this project's PyTorch reference: a line of JSON in, a line with milliseconds out.

    {"work": "forward" or "train", "model", "kernelNum", "batch", "imageSize", "rounds", "budgetMs"} -> {"ms"}

The first line it writes says what it is. Eager mode, float32, as many threads as PyTorch takes by itself.
"""

import json
import statistics
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


def measure(job):
    """Median milliseconds, after a run that does not count."""
    work = prepare(job)
    work()
    times = []
    start = time.perf_counter()
    while len(times) < job["rounds"] and (not times or (time.perf_counter() - start) * 1000 < job["budgetMs"]):
        before = time.perf_counter()
        work()
        times.append((time.perf_counter() - before) * 1000)
    return statistics.median_high(times)


print(json.dumps({"description": f"PyTorch {torch.__version__}, eager, {torch.get_num_threads()} threads"}), flush=True)
for line in sys.stdin:
    print(json.dumps({"ms": measure(json.loads(line))}), flush=True)
