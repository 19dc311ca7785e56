"""Writes tests/fixtures/images/ and images.json: small image files of every kind, and what PIL and PyTorch make of them;
and what the ILSVRC-2012 reader takes: tar files and the development kit's class table.

Run from the repository's root, with Pillow, NumPy, SciPy and PyTorch:  python tests/reference/write_data_fixtures.py
"""

import io
import json
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np
import PIL
import torch
from odd_images import odd_files
from PIL import Image

from formula_image import formula, sha256

FIXTURES = Path(__file__).parent.parent / "fixtures"
IMAGES = FIXTURES / "images"
RESIZE, CROP = 256, 224
APPLE_DOUBLE = bytes.fromhex("00051607000200004d6163204f5320582020202020202020") + bytes(2)


def photo(width, height):
    """Gradients, curves, an edge and a little noise: what JPEG is made for."""
    y, x = np.mgrid[0:height, 0:width]
    waves = 60 * (np.sin(x / 5) + np.cos(y / 7)) + 128
    image = np.stack([(x * 5 + y * 3) % 256, (x * x // 7 + y) % 256, waves], -1)
    image = image + np.random.default_rng(1).normal(0, 12, image.shape)
    image[height // 3 : height // 2, width // 4 : width // 2] = [250, 5, 5]
    return Image.fromarray(image.clip(0, 255).astype(np.uint8))


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def jpeg_files():
    for w, h in ((65, 49), (16, 16), (1, 1), (3, 50)):
        for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
            for progressive in (False, True):
                kind = "progressive" if progressive else "baseline"
                name = f"{w}x{h}_{subsampling.replace(':', '')}_{kind}.jpg"
                options = dict(quality=85, subsampling=subsampling, progressive=progressive)
                yield name, encoded(photo(w, h), format="JPEG", **options)
    image = photo(65, 49)
    for quality in (10, 100):
        yield f"quality_{quality}.jpg", encoded(image, format="JPEG", quality=quality)
    yield "grey.jpg", encoded(image.convert("L"), format="JPEG")
    yield "rgb.jpg", encoded(image, format="JPEG", keep_rgb=True)
    yield "restart.jpg", encoded(image, format="JPEG", restart_marker_blocks=2)
    exif = Image.Exif()
    exif[0x0112] = 6
    yield "rotated_by_exif.jpg", encoded(image, format="JPEG", exif=exif)
    yield from vertical_subsampling()
    yield from cmyk_files()


def vertical_subsampling():
    """4:4:0, which Pillow cannot write: a 4:2:2 file has the same blocks in the same order, only its header differs."""
    for w, h in ((49, 65), (31, 17)):
        data = bytearray(encoded(photo(h, w), format="JPEG", subsampling="4:2:2", quality=90))
        frame = data.index(b"\xff\xc0")
        assert data[frame + 11] == 0x21
        data[frame + 5 : frame + 9] = struct.pack(">HH", h, w)
        data[frame + 11] = 0x12
        yield f"{w}x{h}_440.jpg", bytes(data)


def cmyk_files():
    y, x = np.mgrid[0:37, 0:45]
    inks = np.stack([x * 5 % 256, (x * x // 7 + y) % 256, 60 * np.sin(x / 5) + 128, (x + 2 * y) * 2 % 256], -1)
    image = Image.fromarray(inks.clip(0, 255).astype(np.uint8), "CMYK")
    for name, options in (
        ("plain", {}),
        ("progressive", dict(progressive=True)),
        ("420", dict(subsampling="4:2:0")),
        ("restart", dict(restart_marker_blocks=3)),
    ):
        data = bytearray(encoded(image, format="JPEG", quality=85, **options))
        yield f"cmyk_{name}.jpg", bytes(data)
        # The same data called YCCK, as Photoshop writes: byte 11 of the Adobe marker is the colour transform.
        adobe = data.index(b"Adobe")
        yield f"cmyk_{name}_no_adobe.jpg", bytes(data[: adobe - 4] + data[adobe + 12 :])
        data[adobe + 11] = 2
        yield f"ycck_{name}.jpg", bytes(data)


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def raw_png(width, height, depth, color_type, channels, interlaced, extra=b""):
    """A PNG of random samples that uses every filter, of kinds that Pillow does not write."""
    adam7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    random = np.random.default_rng(5)
    lines = b""
    for x, y, dx, dy in adam7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -((x - width) // dx), -((y - height) // dy)
        row_bytes = (columns * channels * depth + 7) // 8
        for row in range(rows if columns > 0 else 0):
            lines += bytes([row % 5]) + random.integers(0, 256, row_bytes, dtype=np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_files():
    short_palette = chunk(b"PLTE", bytes(range(30)))
    transparency = {0: b"\0\1", 2: bytes(6), 3: bytes(range(0, 200, 20))}
    kinds = ((0, 1, (1, 2, 4, 8, 16)), (2, 3, (8, 16)), (3, 1, (1, 2, 4, 8)), (4, 2, (8, 16)), (6, 4, (8, 16)))
    for interlaced in (0, 1):
        for color_type, channels, depths in kinds:
            for depth in depths:
                palette = short_palette if color_type == 3 else b""
                name = f"type{color_type}_{depth}bit{'_interlaced' if interlaced else ''}.png"
                yield name, raw_png(13, 11, depth, color_type, channels, interlaced, palette)
    for color_type, channels in ((0, 1), (2, 3), (3, 1)):
        extra = (short_palette if color_type == 3 else b"") + chunk(b"tRNS", transparency[color_type])
        yield f"type{color_type}_transparent.png", raw_png(13, 11, 8, color_type, channels, 0, extra)
    yield "one_pixel_interlaced.png", raw_png(1, 1, 8, 2, 3, 1)
    image = photo(45, 37)
    yield "photo.png", encoded(image, format="PNG")
    yield "palette.png", encoded(image.convert("P", palette=Image.ADAPTIVE, colors=20), format="PNG", transparency=3)


def webp_files():
    image = photo(45, 37)
    clear = image.copy()
    clear.putalpha(Image.fromarray((np.arange(37 * 45).reshape(37, 45) % 256).astype(np.uint8)))
    yield "lossy.webp", encoded(image, format="WEBP", quality=70)
    yield "lossless.webp", encoded(image, format="WEBP", lossless=True)
    yield "lossy_alpha.webp", encoded(clear, format="WEBP", quality=60)
    yield "lossless_alpha.webp", encoded(clear, format="WEBP", lossless=True, exact=True)
    yield "one_pixel.webp", encoded(photo(1, 1), format="WEBP")


def resize_and_crop(image):
    """torchvision's Resize(256) and CenterCrop(224) on a PIL image, in its own arithmetic."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    longer = int(RESIZE * long / short)
    size = (RESIZE, longer) if width <= height else (longer, RESIZE)
    resized = image.resize(size, Image.BILINEAR)
    left, top = (int(round((side - CROP) / 2.0)) for side in size)
    return resized, resized.crop((left, top, left + CROP, top + CROP))


def window_cases():
    """Resizes to sizes of any shape, with both filters, whole and in part."""
    cases = ((8, 6, 31, 17, None), (7, 9, 7, 9, None), (7, 9, 7, 30, None), (45, 37, 13, 37, None), (1, 1, 9, 5, None))
    cases += ((640, 427, 341, 228, (58, 2, 224, 224)), (500, 3, 33, 40, (30, 1, 3, 39)), (2, 301, 20, 7, (3, 2, 9, 4)))
    cases += ((33, 21, 66, 41, (65, 40, 1, 1)), (299, 299, 299, 150, (0, 149, 299, 1)), (97, 61, 1, 1, None))
    cases += ((2, 200, 20, 199, None), (2, 201, 20, 201, None), (3, 400, 2, 266, (1, 20, 1, 224)))
    for width, height, to_width, to_height, window in cases:
        left, top, columns, rows = window or (0, 0, to_width, to_height)
        for name, filter in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
            resized = Image.fromarray(formula(width, height)).resize((to_width, to_height), filter)
            part = resized.crop((left, top, left + columns, top + rows))
            case = {"width": width, "height": height, "to": [to_width, to_height], "interpolation": name}
            window = {"left": left, "top": top, "width": columns, "height": rows}
            yield {**case, "window": window, "sha256": sha256(np.array(part))}


def center_crop(image, side):
    """torchvision's CenterCrop where the image may be smaller: padded with zeros, then cropped."""
    width, height = image.size
    left, top = (max((side - length) // 2, 0) for length in (width, height))
    padded = Image.new("RGB", (max(width, side), max(height, side)))
    padded.paste(image, (left, top))
    x, y = (int(round((length - side) / 2.0)) for length in padded.size)
    return padded.crop((x, y, x + side, y + side))


def normalized(image, mean, std):
    """torchvision's ToTensor and Normalize."""
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().to(torch.float32).div(255)
    mean, std = (torch.tensor(values, dtype=torch.float32).view(-1, 1, 1) for values in (mean, std))
    return tensor.sub_(mean).div_(std).numpy()


def write_tar(path, names, tar_format):
    with tarfile.open(path, "w", format=tar_format) as tar:
        for i, name in enumerate(names):
            info = tarfile.TarInfo(f"val/ILSVRC2012_val_{len(names) - i:08d}.JPEG")
            data = (IMAGES / name).read_bytes()
            info.size, info.mtime = len(data), 1.5
            tar.addfile(info, io.BytesIO(data))
            # What macOS's tar adds: attributes of the file, under the file's name.
            beside = tarfile.TarInfo(info.name.replace("val/", "val/._"))
            beside.size, beside.mtime = len(APPLE_DOUBLE), 1.5
            tar.addfile(beside, io.BytesIO(APPLE_DOUBLE))


def write_ground_truth():
    """The first lines of the development kit's own file: sea snake, alp and Shetland sheepdog."""
    folder = FIXTURES / "ilsvrc_devkit"
    folder.mkdir(exist_ok=True)
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text("490\n361\n171\n")


def main():
    IMAGES.mkdir(parents=True, exist_ok=True)
    files, refused = {}, []
    ordinary = dict((*jpeg_files(), *png_files(), *webp_files()))
    for name, data in (*ordinary.items(), *odd_files(ordinary, photo(45, 37))):
        (IMAGES / name).write_bytes(data)
        try:
            rgb = Image.open(IMAGES / name).convert("RGB")
        except (OSError, SyntaxError, TypeError, ValueError, EOFError):
            assert "refused" in name, name
            refused.append(name)
            continue
        assert "refused" not in name, name
        files[name] = {"width": rgb.width, "height": rgb.height, "sha256": sha256(np.array(rgb))}

    sizes = [(500, 375), (375, 500), (333, 500), (256, 256), (224, 224), (257, 256), (255, 300), (32, 32), (1, 1)]
    sizes += [(2, 301), (1000, 3), (640, 427), (1201, 799), (3000, 1999), (100, 1700), (299, 299), (257, 385)]
    resizes = []
    for width, height in sizes:
        resized, cropped = resize_and_crop(Image.fromarray(formula(width, height)))
        case = {"width": width, "height": height, "resized": list(resized.size)}
        resizes.append({**case, "resizedSha256": sha256(np.array(resized)), "sha256": sha256(np.array(cropped))})

    crops = []
    for width, height in ((10, 10), (11, 8), (8, 11), (5, 4), (3, 20), (20, 3), (7, 7), (13, 13), (9, 10), (15, 12)):
        for side in (7, 8):
            cropped = np.array(center_crop(Image.fromarray(formula(width, height)), side))
            crops.append({"width": width, "height": height, "side": side, "sha256": sha256(cropped)})

    ramp = np.stack([np.arange(256, dtype=np.uint8)] * 3, -1)[None]
    normalizations = {
        "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        "cifar10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    }
    ramps = {name: sha256(normalized(ramp, mean, std)) for name, (mean, std) in normalizations.items()}

    members = ["65x49_420_baseline.jpg", "grey.jpg", "cmyk_plain.jpg"]
    write_tar(FIXTURES / "ilsvrc_ustar.tar", members, tarfile.USTAR_FORMAT)
    write_tar(FIXTURES / "ilsvrc_pax.tar", members, tarfile.PAX_FORMAT)

    write_ground_truth()

    written_by = f"Pillow {PIL.__version__}, PyTorch {torch.__version__}"
    expected = {"writtenBy": written_by, "files": files, "resizes": resizes, "crops": crops, "ramps": ramps}
    expected["refused"] = refused
    expected["windows"] = list(window_cases())
    (FIXTURES / "images.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
