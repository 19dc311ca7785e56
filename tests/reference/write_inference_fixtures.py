"""Writes tests/fixtures/inference.json: what timm's and torchvision's rules make of a model's settings and of images.

Run from the repository's root, with Pillow, NumPy and PyTorch:  python tests/reference/write_inference_fixtures.py
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from formula_image import formula, sha256

FIXTURES = Path(__file__).parent.parent / "fixtures"
# Size, share of the resized shorter side that is cropped.
SHARES = [(224, 0.875), (224, 0.9), (224, 0.95), (224, 0.965), (224, 1.0), (288, 1.0), (299, 0.897), (256, 0.94),
          (240, 0.882), (64, 0.875), (33, 1.15), (129, 0.7), (97, 1.1)]
IMAGES = [(500, 333), (333, 500), (32, 32), (31, 33), (7, 5), (600, 9), (9, 600), (1, 1), (256, 256)]
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
# Size, shorter side, filter, mean, standard deviation.
SETTINGS = [
    (224, 235, "bicubic", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    (64, 73, "bilinear", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    (33, 28, "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    (32, 32, "bilinear", (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    (57, 57, "bicubic", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
]


def resize_size(size, crop_pct):
    """timm's transforms_imagenet_eval, crop_mode "center"."""
    return math.floor(size / crop_pct)


def resize(image, shorter, resample):
    """torchvision's Resize(shorter)."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    longer = int(shorter * long / short)
    size = (shorter, longer) if width <= height else (longer, shorter)
    return image if size == image.size else image.resize(size, resample)


def center_crop(image, side):
    """torchvision's CenterCrop(side)."""
    width, height = image.size
    if side > width or side > height:
        left, top = max((side - width) // 2, 0), max((side - height) // 2, 0)
        right, bottom = max((side - width + 1) // 2, 0), max((side - height + 1) // 2, 0)
        padded = Image.new("RGB", (left + width + right, top + height + bottom))
        padded.paste(image, (left, top))
        image, (width, height) = padded, padded.size
    top, left = round((height - side) / 2.0), round((width - side) / 2.0)
    return image.crop((left, top, left + side, top + side))


def prepare(image, side, shorter, interpolation, mean, std):
    """Resize, CenterCrop, ToTensor, Normalize."""
    cropped = center_crop(resize(image, shorter, FILTERS[interpolation]), side)
    tensor = torch.from_numpy(np.array(cropped)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    column = lambda values: torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)
    return tensor.sub_(column(mean)).div_(column(std))


def main():
    images = [Image.fromarray(formula(width, height)) for width, height in IMAGES]
    settings = [{
        "imageSize": side, "resize": shorter, "interpolation": name, "mean": mean, "std": std,
        "sha256": [sha256(prepare(image, side, shorter, name, mean, std).numpy()) for image in images],
    } for side, shorter, name, mean, std in SETTINGS]
    shares = [{"imageSize": size, "cropPct": share, "resize": resize_size(size, share)} for size, share in SHARES]
    path = FIXTURES / "inference.json"
    path.write_text(json.dumps({"shares": shares, "images": IMAGES, "settings": settings}, indent=2) + "\n")


if __name__ == "__main__":
    main()
