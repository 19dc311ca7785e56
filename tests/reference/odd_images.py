"""Image files that PIL takes and other readers trip over, and some that it refuses: what write_data_fixtures.py stores
beside the ordinary ones."""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from tiff_images import tiff_files

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def random_bytes(count, seed=11):
    return np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8).tobytes()


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_files():
    """Leniencies of PIL's: behind the pixels, before them and within them."""
    width, height = 13, 11

    def header(color_type, depth=8, interlaced=0, extra=b"", compression=0):
        values = struct.pack(">IIBBBBB", width, height, depth, color_type, compression, 0, interlaced)
        return chunk(b"IHDR", values + extra)

    def rows(count, row_bytes, seed=1):
        data = random_bytes(count * row_bytes, seed)
        return b"".join(bytes([i % 5]) + data[i * row_bytes : (i + 1) * row_bytes] for i in range(count))

    def png(*parts):
        return SIGNATURE + b"".join(parts) + chunk(b"IEND", b"")

    idat = lambda data: chunk(b"IDAT", data)
    rgb, grey = header(2), header(0)
    lines = rows(height, width * 3)
    stream = zlib.compress(lines)
    indices = zlib.compress(rows(height, width))
    palette = random_bytes(768, 2)
    text = chunk(b"tEXt", b"a\0b" * 20)

    yield "behind_stream", png(rgb, idat(stream + b"junk"))
    yield "behind_stream_zeros", png(rgb, idat(stream + bytes(300)))
    yield "behind_stream_chunk", png(rgb, idat(stream), idat(b"more"))
    yield "too_many_rows", png(rgb, idat(zlib.compress(lines + lines[:80])))
    yield "too_few_rows", png(rgb, idat(zlib.compress(lines[: 5 * 40])))
    yield "too_few_rows_stored", png(rgb, idat(zlib.compress(lines[: 5 * 40], 0)))
    yield "too_few_rows_palette", png(header(3), chunk(b"PLTE", palette), idat(zlib.compress(rows(4, width))))
    yield "refused_half_row", png(rgb, idat(zlib.compress(lines[: 5 * 40 + 7])))
    yield "refused_no_rows", png(rgb, idat(zlib.compress(b"")))
    yield "checksum_missing", png(rgb, idat(stream[:-4]))
    yield "checksum_halved", png(rgb, idat(stream[:-2]))
    yield "refused_checksum", png(rgb, idat(stream[:-1] + bytes([stream[-1] ^ 1])))
    yield "refused_stream_cut", png(rgb, idat(stream[:-20]))
    yield "empty_pieces", png(rgb, idat(b""), idat(stream[:30]), idat(b""), idat(stream[30:]), idat(b""))
    yield "bytewise", png(rgb, *(idat(stream[i : i + 1]) for i in range(len(stream))))
    yield "no_end", png(rgb, idat(stream))[:-12]
    yield "behind_end", png(rgb, idat(stream)) + b"x" * 99
    yield "piece_longer_than_file", SIGNATURE + rgb + struct.pack(">I", len(stream) + 500) + b"IDAT" + stream
    yield "refused_cut_behind_pixels", SIGNATURE + rgb + idat(stream) + text[:30]
    yield "refused_split_by_text", png(rgb, idat(stream[:30]), text, idat(stream[30:]))
    yield "refused_text_checksum", png(rgb, text[:-1] + b"!", idat(stream))
    yield "pixels_checksum", png(rgb, idat(stream)[:-1] + b"!")
    yield "text_checksum_behind", png(rgb, idat(stream), text[:-1] + b"!")
    yield "text_before_header", png(text, rgb, idat(stream))
    yield "long_header", png(header(2, extra=b"xx"), idat(stream))
    yield "compression_9", png(header(2, compression=9), idat(stream))
    for length in (0, 2, 31, 40, 766, 767):
        yield f"palette_of_{length}_bytes", png(header(3), chunk(b"PLTE", palette[:length]), idat(indices))
    yield "refused_palette_of_257", png(header(3), chunk(b"PLTE", palette + b"abc"), idat(indices))
    yield "two_palettes", png(header(3), *(chunk(b"PLTE", p) for p in (palette[:90], palette[300:330])), idat(indices))
    yield "late_palette", png(header(3), idat(indices), chunk(b"PLTE", palette))
    packed = zlib.compress(rows(height, 4))
    yield "beyond_palette_2bit", png(header(3, 2), chunk(b"PLTE", palette[:7]), idat(packed))
    yield "transparency_of_300", png(header(3), chunk(b"PLTE", palette), chunk(b"tRNS", bytes(300)), idat(indices))
    yield "refused_transparency", png(rgb, chunk(b"tRNS", bytes(5)), idat(stream))
    yield "profile_broken", png(rgb, chunk(b"iCCP", b"a\0\0xxxx"), idat(stream))
    low = b"".join(b"\0" + struct.pack(">13H", *range(r * 13, r * 13 + 13)) for r in range(height))
    yield "grey16_dark", png(header(0, 16), idat(zlib.compress(low)))
    # Interlaced, and the data end behind a row of the third pass.
    yield "interlaced_cut", png(header(0, 8, 1), idat(zlib.compress(rows(2, 2) + rows(2, 2) + rows(1, 4))))
    control = lambda number, *values: chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *values, 1, 10, 0, 0))
    frames = chunk(b"acTL", struct.pack(">II", 2, 0))
    part = zlib.compress(rows(4, 15))
    second = control(1, 5, 4, 2, 3) + chunk(b"fdAT", struct.pack(">I", 2) + part)
    yield "animated", png(rgb, frames, control(0, 13, 11, 0, 0), idat(stream), second)
    yield "animated_part_first", png(rgb, frames, control(0, 5, 4, 2, 3), idat(part), second)
    yield "refused_animated_outside", png(rgb, frames, control(0, 5, 4, 9, 3), idat(part), second)
    yield "refused_interlace_none", png(grey, idat(stream[:3]))


def scans(data):
    """Where each scan's marker, the data behind it and the file's end lie."""
    at, found = 2, []
    while data[at + 1] != 0xD9:
        marker, start = data[at + 1], at
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
        if marker == 0xDA:
            header_end = at
            while not (data[at] == 0xFF and data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7):
                at += 1
            found.append((start, header_end, at))
    return found


def jpeg_files(ordinary):
    """Damage to the scans of files that are given, by name: what libjpeg-turbo makes of it."""
    end = b"\xff\xd9"
    for kind in ("cmyk_plain", "cmyk_420", "cmyk_restart", "ycck_plain", "ycck_restart", "49x65_440", "restart"):
        data = ordinary[f"{kind}.jpg"]
        _, start, stop = scans(data)[0]
        middle = (start + stop) // 2
        yield f"{kind}_cut", data[:middle] + end
        yield f"{kind}_lost", data[:middle] + data[middle + 20 :]
        yield f"{kind}_marker", data[:middle] + b"\xff\xd3" + data[middle + 2 :]
        yield f"{kind}_flipped", data[:middle] + bytes(b ^ 0x28 for b in data[middle : middle + 3]) + data[middle + 3 :]
        yield f"refused_{kind}_no_end", data[:-2]
    for kind in ("65x49_420_progressive", "cmyk_progressive", "ycck_progressive"):
        data = ordinary[f"{kind}.jpg"]
        found = scans(data)
        for number in (1, 2, 5, len(found) - 1):
            yield f"{kind}_of_{number}_scans", data[: found[number][0]] + end
        for number in (0, 3):
            _, start, stop = found[number]
            yield f"{kind}_cut_in_{number}", data[: (start + stop) // 2] + end
        start, _, stop = found[3]
        yield f"{kind}_without_3", data[:start] + data[stop:]
    # 4:4:0 of three scans only.
    yield "refused_no_scan", ordinary["cmyk_plain.jpg"][: scans(ordinary["cmyk_plain.jpg"])[0][0]] + end


def bmp_files():
    def bmp(width, height, bits, pixels, size=40, compression=0, colors=0, palette=b"", masks=b"", offset=None):
        if size == 12:
            header = struct.pack("<IHHHH", 12, width, height, 1, bits)
        else:
            sides = (width & 0xFFFFFFFF, height & 0xFFFFFFFF)
            header = struct.pack("<IIIHHIIIIII", size, *sides, 1, bits, compression, len(pixels), 0, 0, colors, 0)
        header = (header + (masks if size > 40 else b"")).ljust(size, b"\0") + (masks if size == 40 else b"") + palette
        start = 14 + len(header) if offset is None else offset
        return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(pixels), 0, 0, start) + header + pixels

    width, height = 13, 7
    stride = lambda bits: (width * bits + 31) // 32 * 4
    pixels = lambda bits: random_bytes(stride(bits) * height, bits)
    palette = random_bytes(1024, 3)
    for bits in (1, 4, 8, 16, 24, 32):
        colors = palette[: 4 << bits] if bits <= 8 else b""
        yield f"{bits}bit", bmp(width, height, bits, pixels(bits), palette=colors)
        yield f"{bits}bit_top_down", bmp(width, -height, bits, pixels(bits), palette=colors)
        yield f"{bits}bit_core", bmp(width, height, bits, pixels(bits), size=12, palette=palette[: 3 << bits] if colors else b"")
    for size in (64, 108, 124):
        yield f"header_{size}", bmp(width, height, 24, pixels(24), size=size)
    layouts = {
        32: ((0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0), (0xFF000000, 0xFF00, 0xFF, 0))
        + ((0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0)),
        24: ((0xFF0000, 0xFF00, 0xFF, 0),),
        16: ((0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)),
    }
    for bits, masks in layouts.items():
        for number, layout in enumerate(masks):
            body = struct.pack("<IIII", *layout)
            yield f"fields_{bits}_{number}", bmp(width, height, bits, pixels(bits), 56, 3, masks=body)
    body = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    yield "fields_behind_header", bmp(width, height, 16, pixels(16), 40, 3, masks=body)
    yield "refused_fields", bmp(width, height, 16, pixels(16), 56, 3, masks=struct.pack("<III", 0xF00, 0xF0, 0xF))

    grey = b"".join(bytes([i, i, i, 0]) for i in range(256))
    stark = b"\0\0\0\0\xff\xff\xff\0"
    yield "grey_palette", bmp(width, height, 8, pixels(8), colors=256, palette=grey)
    yield "grey_palette_short", bmp(3, height, 4, random_bytes(4 * height), colors=16, palette=grey[:64])
    yield "refused_grey_palette", bmp(width, height, 4, pixels(4), colors=16, palette=grey[:64])
    yield "stark_palette", bmp(width, height, 1, pixels(1), colors=2, palette=stark)
    yield "stark_palette_8bit", bmp(width, height, 8, pixels(8), colors=2, palette=stark)
    yield "short_palette", bmp(width, height, 8, pixels(8), colors=20, palette=palette[:80])
    yield "offset_of_header", bmp(width, height, 8, pixels(8), palette=palette, offset=54)
    yield "offset_zero", bmp(width, height, 8, pixels(8), palette=palette, offset=0)
    yield "padding_missing", bmp(width, height, 24, pixels(24))[:-1]
    yield "refused_cut", bmp(width, height, 24, pixels(24))[:-2]
    yield "refused_2bit", bmp(width, height, 2, pixels(2), palette=palette[:16])
    yield "refused_compression", bmp(width, height, 24, pixels(24), compression=4)

    line, done = b"\0\0", b"\0\1"
    runs = {
        "runs": (1, (b"\5\1\3\2\5\3" + line) * 7 + done),
        "runs_short_lines": (1, (b"\3\x11" + line) * 7 + done),
        "runs_long": (1, (b"\x20\5" + line) * 7 + done),
        "runs_jump": (1, b"\5\1\0\2\3\1\4\2" + line + (b"\x0d\3" + line) * 5 + done),
        "runs_plain": (1, (b"\0\x0dabcdefghijklm\0" + line) * 7),
        "refused_runs_end": (1, (b"\x0d\3" + line) * 3 + done),
        "runs4": (2, (b"\x0d\x12" + line) * 7 + done),
        "runs4_plain": (2, (b"\0\6\x12\x34\x56\0\7\x78" + line) * 7),
    }
    for name, (compression, data) in runs.items():
        yield name, bmp(width, height, 4 if compression == 2 else 8, data, compression=compression, palette=palette[:64 if compression == 2 else 1024])


def pnm_files():
    width, height = 13, 7
    random = np.random.default_rng(4)
    for magic, text, channels, extension in ((b"P5", b"P2", 1, "pgm"), (b"P6", b"P3", 3, "ppm")):
        for largest in (1, 100, 255, 256, 1000, 65535):
            values = random.integers(0, largest + 1, width * height * channels)
            values[:4] = (0, largest, largest // 2, min(largest, 200))
            head = b"\n%d %d\n%d\n" % (width, height, largest)
            yield f"{largest}.{extension}", magic + head + values.astype(">u2" if largest > 255 else "u1").tobytes()
            yield f"text_{largest}.{extension}", text + head + b" ".join(b"%d" % value for value in values)
    bits = random.integers(0, 2, width * height)
    yield "bytes.pbm", b"P4 13 7\n" + random_bytes(2 * height)
    yield "text.pbm", b"P1 13 7\n" + b" ".join(b"%d" % bit for bit in bits)
    yield "text_close.pbm", b"P1\n13 7\n" + b"".join(b"%d" % bit for bit in bits)
    yield "beyond_largest.pgm", b"P5\n13 7\n100\n" + random_bytes(width * height)
    yield "comments.ppm", b"P6\n# one\n1#two\r3 7#\n\n255\n" + random_bytes(width * height * 3)
    yield "comments_text.pgm", b"P2 2 2 255 #a\n#b\n1 2#c\n3 4 5 # end"
    yield "python_numbers.pgm", b"P5 +1_3 007 255\n" + random_bytes(width * height)
    yield "refused_cut.ppm", b"P6 13 7 255\n" + random_bytes(width * height * 3 - 1)
    yield "refused_cut_text.pgm", b"P2 2 2 255 1 2 3"
    yield "refused_value.pgm", b"P2 2 2 255 1 2 3 256"
    yield "refused_bits.pbm", b"P1 2 2 1012"
    yield "refused_largest.pgm", b"P5 13 7 65536\n" + random_bytes(200)


def lzw(indices, bits):
    """GIF's compression, of a clear code, strings and an end code."""
    clear = 1 << bits
    table = {bytes([i]): i for i in range(clear)}
    size, following, codes, string = bits + 1, clear + 2, [(clear, bits + 1)], b""
    for index in indices:
        longer = string + bytes([index])
        if longer in table:
            string = longer
            continue
        codes.append((table[string], size))
        if following < 4096:
            table[longer] = following
            size += following == 1 << size and size < 12
            following += 1
        string = bytes([index])
    codes += [(table[string], size), (clear + 1, size)]
    value = position = 0
    for code, length in codes:
        value |= code << position
        position += length
    return value.to_bytes((position + 7) // 8, "little")


def gif_files():
    width, height = 13, 11
    indices = random_bytes(width * height, 8)
    palette = lambda count, seed=6: random_bytes(3 * count, seed)
    grey = bytes(i for i in range(256) for _ in range(3))
    flags = lambda colors: 0x80 | (len(colors) // 3).bit_length() - 2 if colors else 0

    def gif(*parts, colors=palette(256)):
        return b"GIF89a" + struct.pack("<HHBBB", width, height, flags(colors), 3, 0) + colors + b"".join(parts) + b";"

    def frame(left, top, columns, rows, pixels, bits=8, colors=b"", interlaced=0, block=255):
        data = lzw(pixels, bits)
        blocks = b"".join(bytes([len(data[i : i + block])]) + data[i : i + block] for i in range(0, len(data), block))
        head = struct.pack("<HHHHB", left, top, columns, rows, flags(colors) | interlaced)
        return b"," + head + colors + bytes([bits]) + blocks + b"\0"

    def control(transparent, disposal=0):
        has = transparent is not None
        return b"!\xf9\4" + bytes([disposal << 2 | has, 10, 0, transparent or 0]) + b"\0"

    whole = frame(0, 0, width, height, indices)
    part = (3, 2, 5, 4, indices[:20])
    yield "whole", gif(whole)
    yield "few_colors", gif(whole, colors=palette(16))
    yield "grey", gif(whole, colors=grey)
    yield "no_palette", gif(whole, colors=b"")
    yield "own_palette", gif(frame(0, 0, width, height, indices, colors=palette(256, 9)))
    yield "own_grey_palette", gif(frame(0, 0, width, height, indices, colors=grey))
    yield "interlaced", gif(frame(0, 0, width, height, indices, interlaced=0x40))
    yield "part", gif(frame(*part))
    yield "part_transparent", gif(control(7), frame(*part))
    yield "part_outside", gif(frame(10, 8, width, height, indices))
    yield "animated", gif(control(7, 2), frame(*part), control(9, 3), whole)
    yield "small_blocks", gif(frame(0, 0, width, height, indices, block=7))
    yield "two_bits", gif(frame(0, 0, width, height, bytes(i & 3 for i in indices), bits=2), colors=palette(4))
    yield "comment", gif(b"!\xfe\5hello\3abc\0", b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0", b"\0", whole)
    yield "too_much", gif(frame(0, 0, width, height, indices * 2))
    yield "no_end", gif(whole)[:-2]
    # One shade, so that strings grow to thousands of pixels and the table fills.
    yield "long_strings", encoded(Image.new("P", (3000, 2900), 3), format="GIF")[:40000]
    yield "refused_too_little", gif(frame(0, 0, width, height, indices[:-5]))
    yield "refused_cut", gif(whole)[:-30]
    yield "refused_no_frame", gif()
    yield "refused_control", gif(b"!\xf9\1\1\0", whole)


def webp_files(image):
    """Animations, of which the first frame may be a part of the canvas."""
    u24 = lambda number: struct.pack("<I", number)[:3]
    piece = lambda kind, body: kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)

    def bitstream(still, **options):
        data, at, found = encoded(still, format="WEBP", **options), 12, b""
        while at < len(data):
            length = struct.unpack("<I", data[at + 4 : at + 8])[0]
            end = at + 8 + length + length % 2
            if data[at : at + 4] in (b"ALPH", b"VP8 ", b"VP8L"):
                found += data[at:end]
            at = end
        return found

    def animation(width, height, *frames):
        body = piece(b"VP8X", b"\x12\0\0\0" + u24(width - 1) + u24(height - 1)) + piece(b"ANIM", b"\1\2\3\4\0\0")
        for still, left, top, blend, options in frames:
            place = u24(left // 2) + u24(top // 2) + u24(still.width - 1) + u24(still.height - 1)
            body += piece(b"ANMF", place + u24(50) + bytes([blend]) + bitstream(still, **options))
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body

    small = image.resize((20, 15))
    clear = small.convert("RGBA")
    clear.putalpha(Image.fromarray((np.arange(300).reshape(15, 20) % 256).astype(np.uint8)))
    last = (small, 0, 0, 0, dict(quality=20))
    yield "animated", encoded(image, format="WEBP", save_all=True, append_images=[image.rotate(20)], quality=50)
    yield "animated_part", animation(45, 37, (small, 6, 8, 0, dict(quality=60)), last)
    yield "animated_part_lossless", animation(45, 37, (small, 6, 8, 2, dict(lossless=True)), last)
    yield "animated_alpha", animation(30, 25, (clear, 2, 4, 0, dict(quality=50)), last)
    yield "animated_alpha_lossless", animation(30, 25, (clear, 2, 4, 3, dict(lossless=True, exact=True)), last)
    yield "animated_one", animation(20, 15, (clear, 0, 0, 1, dict(quality=50)))
    yield "refused_animated_outside", animation(20, 20, (small, 6, 8, 0, dict(quality=60)), last)
    yield "refused_animated_cut", animation(45, 37, (small, 6, 8, 0, dict(quality=60)), last)[:-10]


def odd_files(ordinary, image):
    """(name, bytes) of all; those PIL refuses have "refused" in their names. `ordinary` holds files by name."""
    kinds = (("png", png_files()), ("jpg", jpeg_files(ordinary)), ("bmp", bmp_files()), ("gif", gif_files()))
    for extension, files in (*kinds, ("webp", webp_files(image)), ("tif", tiff_files(image))):
        for name, data in files:
            yield f"odd_{name}.{extension}", data
    for name, data in pnm_files():
        yield f"odd_{name}", data
