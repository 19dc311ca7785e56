"""Pseudo-random numbers that Python and TypeScript agree on to the last bit (tests/support/random_weights.ts).

They stand in for trained weights and real inputs, so that fixtures need to hold results only.
"""

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
