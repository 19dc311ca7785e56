"""Writes tests/fixtures/trainers: whole networks as the trainers in use save them, and in trainers.json what is to be found in
each: configuration, key, prefix, the names that are no part of the network, and a SHA-256 of the network's tensors.

    python tests/reference/write_trainer_fixtures.py

Wrappers are PyTorch's own where they run without a cluster. Tensors repeat one number by a stride of 0, so that a network
takes as much room as its names; the files are compressed with gzip.
"""

import gzip
import hashlib
import io
import json
import pathlib
from collections import OrderedDict

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

import odconv

HERE = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "trainers"
BASE = torch.arange(64) / 64 - 0.5


def hollow(module, seed=0):
    """Gives the i-th tensor of a module the (i + seed) % 64-th number throughout."""
    for i, value in enumerate(module.state_dict(keep_vars=True).values()):
        if value.ndim and value.is_floating_point():
            value.data = BASE[(i + seed) % 64].expand(value.shape)
        else:
            value.data.fill_(7)
    return module


def net(arch="resnet20", seed=0, **options):
    return hollow(odconv.build(arch, **{"num_classes": 5, **options}), seed)


def prefixed(prefix, state):
    return OrderedDict((prefix + name, value) for name, value in state.items())


def sha256(state):
    """Of names and values in a state dict's order, as float32 and int64."""
    digest = hashlib.sha256()
    for name, value in state.items():
        digest.update(name.encode())
        value = value.float() if value.is_floating_point() else value.long()
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def save(contents, file):
    buffer = io.BytesIO()
    torch.save(contents, buffer)
    (HERE / f"{file}.gz").write_bytes(gzip.compress(buffer.getvalue(), 9, mtime=0))


class Wrapper(nn.Module):
    """What people write around a network; children as given."""

    def __init__(self, **children):
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)


class Metric(nn.Module):
    """A metric with persistent states, as torchmetrics registers them."""

    def __init__(self):
        super().__init__()
        self.register_buffer("confmat", torch.ones(5, 5, dtype=torch.int64))
        self.register_buffer("mean_value", torch.tensor(0.5))


class Extra(nn.Module):
    """A layer whose module keeps state of its own beside its tensors."""

    def __init__(self, layer, state):
        super().__init__()
        self.state = state
        for name, value in [*layer.named_parameters(), *layer.named_buffers()]:
            if isinstance(value, nn.Parameter):
                self.register_parameter(name, value)
            else:
                self.register_buffer(name, value)

    def get_extra_state(self):
        return self.state


def with_extra_states():
    model = net()
    model.bn1 = Extra(model.bn1, {"scale": torch.ones(2), "history": [1, 2]})
    model.layer1[0].bn1 = Extra(model.layer1[0].bn1, torch.ones(3))
    model.layer1[0].bn2 = Extra(model.layer1[0].bn2, None)
    model.layer1[1].bn1 = Extra(model.layer1[1].bn1, b"state")
    return model.state_dict()


def other_counters():
    """num_batches_tracked in the types and shapes that casts, exports and old versions make of it."""
    state = net().state_dict()
    makes = [
        lambda: torch.tensor(7.0),
        lambda: torch.tensor(7, dtype=torch.int32),
        lambda: torch.tensor([7]),
        lambda: torch.tensor([7.9], dtype=torch.float16),
        lambda: torch.tensor(7, dtype=torch.uint8),
        lambda: torch.tensor(7.0, dtype=torch.float64),
    ]
    counters = [name for name in state if name.endswith("num_batches_tracked")]
    for i, name in enumerate(counters):
        state[name] = makes[i % len(makes)]()
    # PyTorch itself takes them.
    model = odconv.build("resnet20", num_classes=5)
    model.load_state_dict(state)
    assert all(model.state_dict()[name] == 7 for name in counters)
    return state


def fsdp(state):
    """FullyShardedDataParallel around the network and each of its blocks, with activation checkpoints inside."""
    return OrderedDict(
        ("_fsdp_wrapped_module." + name.replace("layer2.0.", "layer2.0._fsdp_wrapped_module._checkpoint_wrapped_module."), v)
        for name, v in state.items()
    )


def optimizer(model):
    """After one step over the smallest of its parameters."""
    parameter = nn.Parameter(torch.ones(2))
    sgd = torch.optim.SGD([parameter], 0.1, momentum=0.9)
    parameter.sum().backward()
    sgd.step()
    return sgd.state_dict()


def stages(network):
    """MobileNetV2's blocks by stage."""
    at = 1
    for repeats in (1, 2, 3, 4, 3, 3, 1):
        yield network.features[at : at + repeats]
        at += repeats


def as_timm(network):
    """timm's names: the same layers, registered as timm's EfficientNet builder registers them."""

    def block(residual):
        conv = residual.conv
        if len(conv) == 3:
            return Wrapper(conv_dw=conv[0][0], bn1=conv[0][1], conv_pw=conv[1], bn2=conv[2])
        return Wrapper(
            conv_pw=conv[0][0], bn1=conv[0][1], conv_dw=conv[1][0], bn2=conv[1][1], conv_pwl=conv[2], bn3=conv[3]
        )

    first, last = network.features[0], network.features[18]
    return Wrapper(
        conv_stem=first[0],
        bn1=first[1],
        blocks=nn.Sequential(*[nn.Sequential(*map(block, stage)) for stage in stages(network)]),
        conv_head=last[0],
        bn2=last[1],
        classifier=network.classifier[1],
    )


def as_mmpretrain(network):
    """mmpretrain's names: every convolution in a ConvModule of conv and bn."""

    def block(residual):
        *layers, conv, bn = residual.conv
        pairs = [(layer[0], layer[1]) for layer in layers] + [(conv, bn)]
        return Wrapper(conv=nn.Sequential(*[Wrapper(conv=c, bn=b) for c, b in pairs]))

    first, last = network.features[0], network.features[18]
    layers = {f"layer{i + 1}": nn.Sequential(*map(block, stage)) for i, stage in enumerate(stages(network))}
    backbone = Wrapper(
        conv1=Wrapper(conv=first[0], bn=first[1]), **layers, conv2=Wrapper(conv=last[0], bn=last[1])
    )
    return Wrapper(backbone=backbone, head=Wrapper(fc=network.classifier[1]))


def as_flat(network):
    """Names of MobileNetV2 code older than torchvision's: a block is one sequence, activations counted."""

    def block(residual):
        *layers, conv, bn = residual.conv
        return Wrapper(conv=nn.Sequential(*[m for layer in layers for m in layer], conv, bn))

    return Wrapper(
        features=nn.Sequential(network.features[0], *[block(b) for b in network.features[1:18]]),
        conv=network.features[18],
        classifier=network.classifier[1],
    )


def as_transformers(network):
    """transformers' names for ResNet."""

    def block(b):
        pairs = [(getattr(b, f"conv{i}"), getattr(b, f"bn{i}")) for i in (1, 2, 3) if hasattr(b, f"conv{i}")]
        layer = nn.Sequential(*[Wrapper(convolution=c, normalization=n) for c, n in pairs])
        if b.downsample is None:
            return Wrapper(layer=layer)
        return Wrapper(shortcut=Wrapper(convolution=b.downsample[0], normalization=b.downsample[1]), layer=layer)

    embedder = Wrapper(embedder=Wrapper(convolution=network.conv1, normalization=network.bn1))
    layers = [network.layer1, network.layer2, network.layer3, network.layer4]
    stages = nn.Sequential(*[Wrapper(layers=nn.Sequential(*map(block, layer))) for layer in layers])
    resnet = Wrapper(embedder=embedder, encoder=Wrapper(stages=stages))
    return Wrapper(resnet=resnet, classifier=nn.Sequential(nn.Flatten(), network.fc))


def kinds():
    """(file, contents, the network in it, what is said of it)."""
    averaged = hollow(AveragedModel(net()))
    yield "averaged_model.pth", averaged.state_dict(), averaged.module, {"dropped": ["n_averaged"]}

    compiled = torch.compile(nn.DataParallel(net()))
    yield "compiled_parallel.pth", compiled.state_dict(), compiled._orig_mod.module, {}

    model = net()
    lit = Wrapper(model=torch.compile(model), criterion=nn.CrossEntropyLoss(weight=torch.ones(5)), val_acc=Metric())
    yield "lightning.ckpt", {
        "epoch": 3,
        "global_step": 120,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": lit.state_dict(),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 3}}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [optimizer(model)],
        "lr_schedulers": [],
        "hyper_parameters": {"lr": 0.1},
    }, model, {
        "key": "state_dict",
        "prefix": "model.",
        "dropped": ["criterion.weight", "val_acc.confmat", "val_acc.mean_value"],
    }

    yield "counters.pth", other_counters(), net(), {}
    extra = with_extra_states()
    dropped = [name for name in extra if name.endswith("_extra_state")]
    yield "extra_state.pth", extra, net(), {"dropped": dropped}

    model = net("resnet20")
    parts = Wrapper(backbone=model, head=Wrapper(fc=model.fc))
    del model.fc
    model.fc = None
    state = parts.state_dict()
    model.fc = parts.head.fc
    yield "mmpretrain.pth", {"meta": {"epoch": 3}, "state_dict": state}, model, {
        "key": "state_dict",
        "prefix": "backbone.",
    }

    model = net()
    state = model.state_dict()
    renamed = OrderedDict((name.replace("fc.", "linear."), value) for name, value in state.items())
    yield "linear.pth", renamed, model, {}

    student, teacher = net(), net(seed=9)
    yield "distillation.pth", {
        "student": nn.DataParallel(student).state_dict(),
        "teacher": nn.DataParallel(teacher).state_dict(),
        "epoch": 3,
    }, teacher, {"ask": {"key": "teacher"}, "key": "teacher"}
    both = Wrapper(student=Wrapper(net=student), teacher=Wrapper(net=teacher))
    yield "distiller.pth", nn.DataParallel(both).state_dict(), student, {
        "ask": {"prefix": "module.student"},
        "dropped": [f"module.{name}" for name in both.state_dict() if name.startswith("teacher.")],
        "prefix": "net.",
    }

    model = net()
    nested = {"state": {"model": nn.DataParallel(model).state_dict(), "optimizers": {"SGD": optimizer(model)}}, "rng": []}
    yield "composer.pt", nested, model, {"key": "state.model"}
    trunk = {"trunk": prefixed("_feature_blocks.", model.state_dict())}
    yield "vissl.torch", {"classy_state_dict": {"base_model": {"model": trunk}}, "iteration": 3}, model, {
        "key": "classy_state_dict.base_model.model.trunk",
        "prefix": "_feature_blocks.",
    }
    yield "list.pt", [model.state_dict(), optimizer(model)], model, {"key": "0"}
    opt = {"state": [{"mom": torch.ones(2)}], "hypers": [{"lr": 0.1}]}
    yield "fastai.pth", {"model": model.state_dict(), "opt": opt}, model, {"key": "model"}
    yield "deepspeed.pt", {"module": model.state_dict(), "optimizer": None, "ds_version": "0.15"}, model, {"key": "module"}
    yield "fsdp.pt", fsdp(model.state_dict()), model, {}

    ema = hollow(odconv.build("resnet20", num_classes=5), 9)
    yield "timm.pth.tar", {
        "epoch": 3,
        "arch": "resnet20",
        "state_dict": model.state_dict(),
        "optimizer": optimizer(model),
        "version": 2,
        "state_dict_ema": ema.state_dict(),
        "metric": 71.5,
    }, model, {"key": "state_dict"}
    state = model.state_dict() | prefixed("ema.", ema.state_dict())
    yield "ema_beside.pth", state, model, {"dropped": [f"ema.{name}" for name in ema.state_dict()]}

    model = net("od_resnet20", kernel_num=2)
    yield "od_encoder.pth", {"net": prefixed("encoder.", model.state_dict())}, model, {"key": "net", "prefix": "encoder."}

    model = net("mobilenetv2_050")
    yield "torchvision_mobilenet.pth", model.state_dict(), model, {}
    parallel = OrderedDict((n.replace("features.", "features.module."), v) for n, v in model.state_dict().items())
    yield "parallel_features.pth", parallel, model, {}
    yield "timm_mobilenet.pth", as_timm(model).state_dict(), model, {}
    yield "mmpretrain_mobilenet.pth", {"state_dict": as_mmpretrain(model).state_dict()}, model, {
        "key": "state_dict",
        "prefix": "backbone.",
    }
    yield "flat_mobilenet.pth", as_flat(model).state_dict(), model, {}
    model = net("resnet18")
    yield "transformers_resnet.bin", as_transformers(model).state_dict(), model, {"prefix": "resnet."}


def main():
    HERE.mkdir(parents=True, exist_ok=True)
    rows = []
    for file, contents, network, said in kinds():
        save(contents, file)
        row = {"file": file, "tensors": len(network.state_dict()), **said, "sha256": sha256(network.state_dict())}
        rows.append(row)
    (HERE / "trainers.json").write_text("[\n  " + ",\n  ".join(json.dumps(row) for row in rows) + "\n]\n")

    # What no network can be made of: a backbone alone, and MoCo's two encoders with heads of two layers.
    backbone = net().state_dict()
    for name in ("fc.weight", "fc.bias"):
        del backbone[name]
    save({"model": prefixed("module.encoder.", backbone)}, "backbone.pth")
    head = {"fc.0.weight": BASE[1].expand(64, 64), "fc.0.bias": BASE[1].expand(64)}
    head |= {"fc.2.weight": BASE[2].expand(128, 64), "fc.2.bias": BASE[2].expand(128)}
    key = {name: value for name, value in net(seed=9).state_dict().items() if name in backbone}
    moco = prefixed("module.encoder_q.", backbone | head) | prefixed("module.encoder_k.", key | head)
    moco |= {"module.queue": BASE[0].expand(128, 1024), "module.queue_ptr": torch.zeros(1, dtype=torch.int64)}
    save({"epoch": 3, "arch": "resnet20", "state_dict": moco}, "moco.pth.tar")


if __name__ == "__main__":
    main()
