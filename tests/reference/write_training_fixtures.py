"""Writes tests/fixtures/training.json: what PyTorch's optimizers and schedules do.

An optimizer row holds two parameters after each of six steps in float64, from "NAME.p0" and "NAME.p1" of weights.py with
the gradients "NAME.p0.grad@STEP" and "NAME.p1.grad@STEP"; a schedule row the learning rate of every step of the run.

    python tests/reference/write_training_fixtures.py
"""

import json

import torch

from weights import uniform
from write_op_fixtures import FIXTURES

SHAPES = [[3, 4], [5]]
LEARNING_RATES = [0.1, 0.1, 0.1, 0.02, 0.02, 0.02]

# name: (class, PyTorch's arguments, ours, largest norm of the gradients or None)
OPTIMIZERS = {
    "sgd": ("SGD", {"momentum": 0.0}, {"momentum": 0}, None),
    "sgd, weight decay": ("SGD", {"momentum": 0.0, "weight_decay": 0.1}, {"momentum": 0, "weightDecay": 0.1}, None),
    "sgd, momentum": ("SGD", {"momentum": 0.9}, {"momentum": 0.9}, None),
    "sgd, momentum and weight decay": (
        "SGD", {"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.9, "weightDecay": 0.1}, None,
    ),
    "sgd, nesterov": (
        "SGD", {"momentum": 0.8, "weight_decay": 0.1, "nesterov": True},
        {"momentum": 0.8, "weightDecay": 0.1, "nesterov": True}, None,
    ),
    "sgd, clipped": ("SGD", {"momentum": 0.9}, {"momentum": 0.9}, 2.2),
    "adamw": ("AdamW", {}, {}, None),
    "adamw, everything": (
        "AdamW", {"betas": (0.7, 0.95), "eps": 1e-3, "weight_decay": 0.2},
        {"betas": [0.7, 0.95], "eps": 1e-3, "weightDecay": 0.2}, None,
    ),
    "adamw, clipped": ("AdamW", {}, {}, 2.2),
}  # fmt: skip

EPOCHS, STEPS = 8, 3
AVERAGE_DECAY = 0.75


def values(name, shape):
    return torch.from_numpy(uniform(name, shape)).double()


def optimizer_row(name, kind, arguments, options, max_norm):
    parameters = [values(f"{name}.p{i}", shape).requires_grad_() for i, shape in enumerate(SHAPES)]
    optimizer = getattr(torch.optim, kind)(parameters, lr=1.0, **arguments)
    average = torch.optim.swa_utils.AveragedModel(
        torch.nn.ParameterList(parameters), multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE_DECAY)
    )
    # Its first update copies; ours averages from the initial values on.
    average.update_parameters(torch.nn.ParameterList(parameters))
    after, norms = [], []
    for step, lr in enumerate(LEARNING_RATES):
        optimizer.param_groups[0]["lr"] = lr
        for i, p in enumerate(parameters):
            p.grad = values(f"{name}.p{i}.grad@{step}", SHAPES[i])
        if max_norm:
            norms.append(torch.nn.utils.clip_grad_norm_(parameters, max_norm).item())
        optimizer.step()
        average.update_parameters(torch.nn.ParameterList(parameters))
        after.append([p.flatten().tolist() for p in parameters])
    averages = [p.flatten().tolist() for p in average.parameters()]
    return {"name": name, "kind": kind, "options": options, "maxNorm": max_norm, "norms": norms, "after": after,
            "averages": averages}  # fmt: skip


def schedule_row(options, make, warmup=0):
    """The scheduler's steps are epochs, those of the warm-up single steps."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=options["lr"])
    warm = []
    if warmup:
        total = warmup * STEPS
        scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / total, 1.0, total - 1)
        for _ in range(total):
            warm.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=options["lr"])
    scheduler = make(optimizer)
    rates = []
    for _ in range(EPOCHS - warmup):
        rates += [optimizer.param_groups[0]["lr"]] * STEPS
        optimizer.step()
        scheduler.step()
    return {"options": options | {"epochs": EPOCHS, "warmupEpochs": warmup}, "rates": warm + rates}


def main():
    lr = torch.optim.lr_scheduler
    schedules = [
        schedule_row({"lr": 0.1, "decay": "none"}, lambda o: lr.ConstantLR(o, 1.0)),
        schedule_row({"lr": 0.1, "decay": "schedule", "milestones": [2, 5, 7]}, lambda o: lr.MultiStepLR(o, [2, 5, 7])),
        schedule_row({"lr": 0.2, "decay": "schedule", "milestones": [3], "gamma": 0.5},
                     lambda o: lr.MultiStepLR(o, [3], 0.5)),
        schedule_row({"lr": 0.05, "decay": "cos"}, lambda o: lr.CosineAnnealingLR(o, EPOCHS)),
        schedule_row({"lr": 0.05, "decay": "cos"}, lambda o: lr.CosineAnnealingLR(o, EPOCHS - 2), warmup=2),
    ]  # fmt: skip
    fixture = {
        "shapes": SHAPES,
        "learningRates": LEARNING_RATES,
        "averageDecay": AVERAGE_DECAY,
        "optimizers": [optimizer_row(name, *row) for name, row in OPTIMIZERS.items()],
        "stepsPerEpoch": STEPS,
        "schedules": schedules,
    }
    (FIXTURES / "training.json").write_text(json.dumps(fixture) + "\n")


if __name__ == "__main__":
    main()
