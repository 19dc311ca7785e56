"""Images that the writers of fixtures and the tests both compute, so that large ones need not be stored."""

import hashlib

import numpy as np


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def formula(width, height):
    """The image tests/data/formula_image.ts computes too: noise on a gradient, with blocks of black and white."""
    x, y, c = np.meshgrid(np.arange(width), np.arange(height), np.arange(3), indexing="xy")
    x, y, c = (a.astype(np.uint32) for a in (x, y, c))
    n = x * np.uint32(374761393) + y * np.uint32(668265263) + c * np.uint32(974634013)
    n = (n ^ (n >> 13)) * np.uint32(1274126177)
    noise = n >> 24
    smooth = (noise >> 2) + x * 191 // width
    stark = np.where(noise >= 128, 255, 0)
    return np.where(((x >> 4) + (y >> 4)) % 5 == 0, stark, smooth).astype(np.uint8)
