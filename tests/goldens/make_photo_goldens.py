#!/usr/bin/env python3
"""Writes photo_goldens.inc: what Pillow makes of pictures of every kind, for test_data_photos.cpp.

Usage: make_photo_goldens.py > photo_goldens.inc      (needs Pillow; made with version 13.0.0)

PNG files of the kinds that Pillow does not write are put together here.
"""
import io
import struct
import zlib

from PIL import Image, ImageOps

from make_data_goldens import bytes_text, encoded, smooth

WIDTH, HEIGHT = 5, 3
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, kind, packed_rows, extra=b"", interlaced=0):
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    pixels = b"".join(b"\0" + row for row in packed_rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra +
            chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b""))


def sample(x, y, channel, depth):
    return (x * 7 + y * 29 + channel * 71 + 3) * 40503 % (1 << 16) >> (16 - depth)


def packed_row(samples, depth):
    bits = "".join(f"{value:0{depth}b}" for value in samples)
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def rows(kind, depth, xs, ys):
    return [packed_row([sample(x, y, c, depth) for x in xs for c in range(CHANNELS[kind])], depth)
            for y in ys]


def picture(kind, depth, extra=b""):
    return png(WIDTH, HEIGHT, depth, kind, rows(kind, depth, range(WIDTH), range(HEIGHT)), extra)


def adam7(kind, depth):
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2)]
    packed = []
    for left, top, right, down in passes:
        xs, ys = range(left, WIDTH, right), range(top, HEIGHT, down)
        if xs:
            packed += rows(kind, depth, xs, ys)
    return png(WIDTH, HEIGHT, depth, kind, packed, interlaced=1)


def colours(count):
    return chunk(b"PLTE", bytes((37 * i + 11) % 256 for i in range(3 * count)))


def grey_of_16_bits(data):
    """Pillow makes white of all that is above 255: its upper bytes instead."""
    image = Image.open(io.BytesIO(data))
    return b"".join(bytes([image.getpixel((x, y)) >> 8] * 3)
                    for y in range(HEIGHT) for x in range(WIDTH))


def png_goldens():
    transparent = chunk(b"tRNS", bytes([0, 128]))
    files = {f"grey, {depth} bits": picture(GREY, depth) for depth in (1, 2, 4, 8, 16)}
    files |= {
        "grey with a transparent level": picture(GREY, 8, chunk(b"tRNS", struct.pack(">H", 3))),
        "grey and alpha, 8 bits": picture(GREY_ALPHA, 8),
        "grey and alpha, 16 bits": picture(GREY_ALPHA, 16),
        "RGB, 8 bits, with a transparent colour":
            picture(RGB, 8, chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))),
        "RGB, 16 bits": picture(RGB, 16),
        "RGBA, 8 bits": picture(RGBA, 8),
        "RGBA, 16 bits": picture(RGBA, 16),
        "palette, 1 bit": picture(PALETTE, 1, colours(2)),
        "palette, 2 bits, with alpha": picture(PALETTE, 2, colours(4) + transparent),
        "palette, 4 bits": picture(PALETTE, 4, colours(16)),
        "palette, 8 bits, with alpha": picture(PALETTE, 8, colours(256) + transparent),
        "palette that lacks colours": picture(PALETTE, 4, colours(5)),
        "interlaced RGB, 8 bits": adam7(RGB, 8),
        "interlaced RGBA, 16 bits": adam7(RGBA, 16),
        "interlaced grey, 1 bit": adam7(GREY, 1),
    }
    print("const std::vector<FileGolden> kPngGoldens{")
    for name, data in files.items():
        image = Image.open(io.BytesIO(data))
        expected = grey_of_16_bits(data) if name == "grey, 16 bits" else image.convert("RGB").tobytes()
        print(f"    {{\"{name}\", {HEIGHT}, {WIDTH},\n     {bytes_text(data)},\n"
              f"     {bytes_text(expected)}}},")
    print("};\n")


def orientation_goldens():
    """Three pixels by two, pixel i of the colour (i, i, i), as Pillow turns them."""
    stored = Image.frombytes("L", (3, 2), bytes(range(6)))
    print("const std::vector<OrientationGolden> kOrientationGoldens{")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        data = encoded(stored, format="PNG", exif=exif)
        seen = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        print(f"    {{{orientation}, {seen.height}, {seen.width}, {bytes_text(seen.tobytes())},\n"
              f"     {bytes_text(data)}}},")
    print("};\n")


def cmyk_goldens():
    """One file, and what its colours are as CMYK and, its Adobe code changed to 2, as YCCK."""
    black = smooth(17, 18).convert("L")
    image = Image.merge("CMYK", (*smooth(17, 18).split(), black.point(lambda v: v // 3)))
    data = encoded(image, format="JPEG", quality=92)
    code = data.index(b"Adobe") + 11
    print(f"const Bytes kCmykJpeg = {bytes_text(data)};\n")
    print(f"constexpr size_t kAdobeCodeAt = {code};\n")
    for name, value in (("kPixelsOfCmyk", 0), ("kPixelsOfYcck", 2)):
        changed = bytearray(data)
        changed[code] = value
        pixels = Image.open(io.BytesIO(bytes(changed))).convert("RGB").tobytes()
        print(f"const Bytes {name} = {bytes_text(pixels)};\n")


def bomb():
    """A picture of one pixel that unpacks to four million bytes."""
    print(f"const Bytes kBomb = {bytes_text(png(1, 1, 8, GREY, [bytes(4_000_000)]))};\n")


if __name__ == "__main__":
    print("// Made by make_photo_goldens.py; do not edit.\n// clang-format off\n")
    png_goldens()
    orientation_goldens()
    cmyk_goldens()
    bomb()
    print("// clang-format on")
