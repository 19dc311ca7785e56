"""TIFF files of the kinds that are read, as PIL writes them and made by hand, and some that PIL refuses."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SHORT, LONG = 3, 4


def tiff(width, height, photometric, bits, samples, parts, big_endian=False, **tags):
    """A file of strips or tiles. `tags` are TIFF's numbers with a leading underscore."""
    order = ">" if big_endian else "<"
    entries = {256: (LONG, width), 257: (LONG, height), 258: (SHORT, *[bits] * samples), 262: (SHORT, photometric)}
    entries |= {277: (SHORT, samples)} | {int(tag[1:]): (SHORT, *values) for tag, values in tags.items()}
    body, offsets = b"", []
    for part in parts:
        offsets.append(8 + len(body))
        body += part + b"\0" * (len(part) % 2)
    where, lengths = (324, 325) if 322 in entries else (273, 279)
    entries |= {where: (LONG, *offsets), lengths: (LONG, *map(len, parts))}
    start = 8 + len(body)
    behind = start + 2 + 12 * len(entries) + 4
    directory, rest = struct.pack(order + "H", len(entries)), b""
    for tag, (kind, *values) in sorted(entries.items()):
        data = struct.pack(f"{order}{len(values)}{'H' if kind == SHORT else 'I'}", *values)
        if len(data) > 4:
            data, rest = struct.pack(order + "I", behind + len(rest)), rest + data + b"\0" * (len(data) % 2)
        directory += struct.pack(order + "HHI", tag, kind, len(values)) + data.ljust(4, b"\0")
    head = b"MM\0*" if big_endian else b"II*\0"
    return head + struct.pack(order + "I", start) + body + directory + bytes(4) + rest


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, format="TIFF", **options)
    return buffer.getvalue()


def tiff_files(image):
    random = np.random.default_rng(12)
    noise = lambda count: random.integers(0, 256, count, dtype=np.uint8).tobytes()
    packed = lambda count: zlib.compress(noise(count))
    small = image.resize((20, 15))
    dark = Image.fromarray((np.arange(300, dtype=np.uint16) * 3).reshape(15, 20))
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        for mode in ("RGB", "L", "1", "P", "CMYK"):
            yield f"{mode}_{compression}", encoded(small.convert(mode), compression=compression)
        yield f"grey16_{compression}", encoded(dark, compression=compression)
    for mode in ("RGB", "L", "CMYK"):
        yield f"{mode}_predicted", encoded(small.convert(mode), compression="tiff_lzw", tiffinfo={317: 2})
    # Enough for the table of LZW to fill and start again.
    yield "lzw_long", encoded(image.resize((48, 40)), compression="tiff_lzw")
    yield "lzw_flat", encoded(Image.new("RGB", (300, 200), (3, 4, 5)), compression="tiff_lzw")

    width, height = 13, 11
    for big_endian in (False, True):
        end = "big" if big_endian else "little"
        file = lambda *arguments, **tags: tiff(width, height, *arguments, big_endian=big_endian, **tags)
        yield f"rgb16_{end}", file(2, 16, 3, [noise(width * 6 * height)])
        yield f"rgb16_predicted_{end}", file(2, 16, 3, [packed(width * 6 * height)], _259=[8], _317=[2])
        yield f"grey16_{end}", file(1, 16, 1, [noise(width * 2 * height)])
        yield f"cmyk16_{end}", file(5, 16, 4, [noise(width * 8 * height)])
        yield f"premultiplied16_{end}", file(2, 16, 4, [noise(width * 8 * height)], _338=[1])
    for bits in (1, 2, 4, 8):
        row = (width * bits + 7) // 8
        colors = [int(n) for n in random.integers(0, 65536, 3 << bits)]
        yield f"palette_{bits}", tiff(width, height, 3, bits, 1, [noise(row * height)], _320=colors)
        yield f"white_is_zero_{bits}", tiff(width, height, 0, bits, 1, [noise(row * height)])
        yield f"black_is_zero_{bits}", tiff(width, height, 1, bits, 1, [packed(row * height)], _259=[8])
    for kind in (0, 1, 2, 999):
        yield f"extra_{kind}", tiff(width, height, 2, 8, 4, [noise(width * 4 * height)], _338=[kind])
    yield "grey_alpha", tiff(width, height, 1, 8, 2, [noise(width * 2 * height)], _338=[2])
    strips = [noise(width * 3 * rows) for rows in (4, 4, 3)]
    yield "strips", tiff(width, height, 2, 8, 3, strips, _278=[4])
    yield "planes", tiff(width, height, 2, 8, 3, [noise(width * height) for _ in "RGB"], _284=[2])
    planes = [packed(width * height) for _ in "CMYK"]
    yield "planes_cmyk", tiff(width, height, 5, 8, 4, planes, _284=[2], _259=[8], _317=[2])
    size = dict(_322=[16], _323=[16])
    yield "tiles", tiff(20, 19, 2, 8, 3, [noise(768) for _ in range(4)], **size)
    yield "tiles_packed", tiff(20, 19, 2, 8, 3, [packed(768) for _ in range(4)], _259=[8], **size)
    yield "tiles_1bit", tiff(20, 19, 1, 1, 1, [noise(32) for _ in range(4)], **size)
    yield "tiles_planes", tiff(20, 19, 2, 8, 3, [noise(256) for _ in range(12)], _284=[2], **size)
    pixels = noise(width * 3 * height)
    for orientation in range(1, 9):
        yield f"orientation_{orientation}", tiff(width, height, 2, 8, 3, [pixels], _274=[orientation])
    yield "refused_cut", tiff(width, height, 2, 8, 3, [zlib.compress(pixels)[:-30]], _259=[8])
    yield "refused_short", tiff(width, height, 2, 8, 3, [zlib.compress(pixels[:-5])], _259=[8])
    yield "refused_bits", tiff(width, height, 2, 4, 3, [pixels])
    yield "refused_directory", tiff(width, height, 2, 8, 3, [pixels])[:-120]
