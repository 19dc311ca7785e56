"""Pseudo-random numbers that Python and TypeScript agree on to the last bit (tests/support/random_weights.ts).

They stand in for trained weights and real inputs, so that fixtures need to hold results only.
"""

import re

import numpy as np


def seed_of(name):
    """32-bit FNV-1a of the name's UTF-8 bytes."""
    h = 0x811C9DC5
    for byte in name.encode():
        h = (h ^ byte) * 0x01000193 & 0xFFFFFFFF
    return np.uint32(h)


def mix(h):
    """Murmur3's finalizer: every bit of the input flips half of the bits of the output."""
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def uniform(name, shape, scale=1.0, offset=0.0):
    """offset + scale u, u uniform in [-1, 1) in steps of 2^-23; computed in float64 and rounded to float32 once."""
    index = np.arange(int(np.prod(shape)), dtype=np.uint32)
    bits = mix(mix(index) ^ seed_of(name)) >> np.uint32(8)
    u = bits.astype(np.float64) / 2**23 - 1
    return (offset + scale * u).astype(np.float32).reshape(shape)


def scale_and_offset(name, shapes):
    """Of one float tensor of a state dict, such that activations stay of order one from the first layer to the last.

    Weights are uniform with variance gain / fan_in. The gain of 1.4 lets inverted residuals neither grow nor fade;
    in ResNets the norm that ends a residual branch is smaller, or 33 blocks would multiply. Attentions come out between
    0.3 and 0.7: any wider, and deep networks enter a spiral of growing activations and saturating attentions. A dynamic
    layer's weights make up for its attentions (about 1/2 each) and for the averaging of its n kernels.
    """
    shape = shapes[name]
    if name.endswith("running_var"):
        return 0.5, 1.0
    if name.endswith("running_mean"):
        return 0.2, 0.0
    if name.endswith("bias"):
        return (0.5 if "_fc." in name else 0.2), 0.0
    if len(shape) == 1:
        ends_branch = name.endswith("bn3.weight") or re.search(r"bn2\.weight$", name) and name.replace("bn2", "bn3") not in shapes
        return (0.1, 0.25) if ends_branch else (0.5, 1.0)
    fan_in = float(np.prod(shape[2:] if len(shape) == 5 else shape[1:]))
    gain = 0.1 if ".attention." in name else 1.4
    if len(shape) == 5:
        heads = [name.replace("weight", f"attention.{head}_fc.weight") for head in ("channel", "filter", "spatial")]
        gain *= 3.5 ** sum(head in shapes for head in heads) * shape[0]
    return (3 * gain / fan_in) ** 0.5, 0.0


def sensitivity(name):
    """The spread of what an attention's norm is given, where it is small; else None.

    Of the first layers alone, whose maps are the largest: one such layer after the other, and rounding would grow from
    each to the next until nothing could be compared.
    """
    if name.startswith("layer1.0."):
        return 0.01
    if re.match(r"features\.[12]\.", name):
        return 0.03
    return None


def sensitive_scale_and_offset(name, shapes):
    """The same with attentions that notice a digit lost in a pooled mean, as trained ones may.

    Means of photos differ little, so that a trained norm has a small variance and multiplies what is left of them: here
    by 30 to 100. The norm's mean must then be near what it is given; write_model_fixtures.py stores it.
    """
    spread = sensitivity(name)
    if spread and name.endswith("attention.bn.running_var"):
        return spread**2 / 2, spread**2
    return scale_and_offset(name, shapes)


def patches(name, batch, size):
    """[batch, 3, size, size] in [-2, 2) of four patches of one colour: in long sums of equal numbers roundings add up."""
    quarters = uniform(name, [batch, 3, 2, 2], 2.0)
    half = -(-size // 2)
    return np.ascontiguousarray(quarters.repeat(half, axis=2).repeat(half, axis=3)[:, :, :size, :size])


def training_scale_and_offset(name, shapes):
    """The same for training, where batch norms use the statistics of a small batch: well-conditioned in float32.

    Norms before a ReLU are shifted, so that few activations are near its kink, where rounding decides whether a gradient
    passes. The attentions' norms have half the weight, or rounding in the pooled features, which differ little between
    images, would grow from layer to layer; larger weights before those norms have smaller gradients, so that SGD does not
    throw the attentions about; kernels are mixed with less regard to the image, and small logits keep the loss near that
    of guessing.
    """
    scale, offset = scale_and_offset(name, shapes)
    if name.endswith("attention.bn.weight"):
        return 0.15, 0.5
    if name.endswith("attention.bn.bias"):
        return scale, 1.2
    if name.endswith("attention.fc.weight"):
        return scale * 4, 0.0
    if name.endswith("kernel_fc.weight"):
        return scale / 4, 0.0
    if re.search(r"(bn1|downsample\.1|\d\.1)\.bias$", name):
        return scale, 2.5
    return (scale / 4 if len(shapes[name]) == 2 else scale), offset


def state_dict(shapes, scale_and_offset=scale_and_offset):
    """Random tensors for a model, float32 and (num_batches_tracked) int64, by the names and shapes of its own."""
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            yield name, np.array(int(seed_of(name)) % 1000, dtype=np.int64)
        else:
            yield name, uniform(name, shape, *scale_and_offset(name, shapes))


def training_state_dict(shapes):
    """The same, well-conditioned in training."""
    return state_dict(shapes, training_scale_and_offset)
