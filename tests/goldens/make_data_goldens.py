#!/usr/bin/env python3
"""Writes data_goldens.inc: what Pillow computes, for tests/engine/test_data_*.cpp.

Usage: make_data_goldens.py > data_goldens.inc      (needs Pillow; made with version 13.0.0)

Inputs are noise from a linear congruential generator that the tests repeat; outputs are Pillow's.
Encoded files (JPEG, PNG, gzip) are stored as bytes beside the pixels that Pillow decodes.
"""
import gzip
import io
import struct

from PIL import Image, ImageEnhance

MASK = 0xFFFFFFFF


def noise(height, width, seed):
    """The same bytes as noise_image() in tests/engine/data_fixtures.h."""
    state, values = seed, bytearray()
    for _ in range(height * width * 3):
        state = (state * 1664525 + 1013904223) & MASK
        values.append(state >> 24)
    return Image.frombytes("RGB", (width, height), bytes(values))


def smooth(height, width):
    """Gradients, as photographs have them: JPEG keeps these nearly as they are."""
    values = bytearray()
    for y in range(height):
        for x in range(width):
            values += bytes([(x * 9) % 256, (y * 7 + 40) % 256, (x * 3 + y * 4) % 256])
    return Image.frombytes("RGB", (width, height), bytes(values))


def bytes_text(data):
    """Hexadecimal text: compilers take it a hundred times faster than lists of numbers."""
    text = data.hex()
    lines = [f'"{text[i:i + 90]}"' for i in range(0, len(text), 90)]
    return "bytes_of_hex(" + "\n     ".join(lines) + ")"


def pixels(image):
    return image.convert("RGB").tobytes()


def resize_goldens():
    # height, width -> height, width; box: left, top, right, bottom
    # Pillow 13 resizes vertically first where the height shrinks much more than the width: there
    # the intermediate rounding differs from ours.
    vertical_first = {3}
    cases = [((17, 13), (8, 8), None), ((9, 7), (20, 16), None), ((16, 16), (16, 16), None),
             ((33, 5), (4, 11), None), ((1, 1), (5, 3), None), ((30, 30), (3, 3), None),
             ((12, 31), (12, 9), None), ((12, 7), (5, 7), None),
             ((20, 18), (7, 6), (2.25, 1.5, 15.75, 12.0)), ((8, 8), (11, 13), (0.5, 3.0, 4.5, 7.25))]
    print("const std::vector<ResizeGolden> kResizeGoldens{")
    for seed, ((h, w), (out_h, out_w), box) in enumerate(cases):
        left, top, right, bottom = box or (0, 0, w, h)
        result = noise(h, w, seed).resize((out_w, out_h), Image.BILINEAR, box)
        print(f"    {{{h}, {w}, {seed}, {{{left}, {top}, {right}, {bottom}}}, {out_h}, {out_w},\n"
              f"     {1 if seed in vertical_first else 0}, {bytes_text(pixels(result))}}},")
    print("};\n")


def enhance(image, change, factor):
    # torchvision's adjust_brightness, adjust_contrast, adjust_saturation on Pillow images.
    return {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast,
            "saturation": ImageEnhance.Color}[change](image).enhance(factor)


def jitter_goldens():
    orders = [("brightness", "contrast", "saturation"), ("brightness", "saturation", "contrast"),
              ("contrast", "brightness", "saturation"), ("contrast", "saturation", "brightness"),
              ("saturation", "brightness", "contrast"), ("saturation", "contrast", "brightness")]
    factors = [(0.6, 1.0, 1.0), (1.0, 0.7, 1.0), (1.0, 1.0, 0.65), (1.4, 1.4, 1.4),
               (0.83, 1.21, 1.37), (1.33, 0.61, 0.94)]
    print("const std::vector<JitterGolden> kJitterGoldens{")
    for seed, (order, values) in enumerate((o, f) for o in orders for f in factors):
        image = noise(3, 4, 100 + seed)
        factor = dict(zip(("brightness", "contrast", "saturation"), values))
        for change in order:
            image = enhance(image, change, factor[change])
        names = ", ".join(f"ColorChange::{change}" for change in order)
        print(f"    {{{100 + seed}, {{{', '.join(f'{v}f' for v in values)}, {{{names}}}}},\n"
              f"     {bytes_text(pixels(image))}}},")
    print("};\n")


def transform_goldens():
    # The test transform at 16 px: short side to 18, centre crop (torchvision's rounding).
    print("const std::vector<TestTransformGolden> kTestTransformGoldens{")
    for seed, (h, w) in enumerate([(41, 50), (60, 33), (10, 10)], start=200):
        scale = 18 / min(h, w)
        resized = noise(h, w, seed).resize(
            (int(w * scale + 0.5), int(h * scale + 0.5)), Image.BILINEAR)
        left, top = round((resized.width - 16) / 2), round((resized.height - 16) / 2)
        result = resized.crop((left, top, left + 16, top + 16))
        print(f"    {{{h}, {w}, {seed},\n     {bytes_text(pixels(result))}}},")
    print("};\n")


def encoded(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, **options)
    return buffer.getvalue()


def file_goldens():
    rgb = smooth(17, 18)
    rgba = rgb.copy()
    rgba.putalpha(Image.linear_gradient("L").resize(rgb.size))
    files = {
        "baseline 4:4:4 JPEG": encoded(rgb, format="JPEG", quality=90, subsampling=0),
        "baseline 4:2:0 JPEG": encoded(rgb, format="JPEG", quality=90, subsampling=2),
        "progressive JPEG": encoded(rgb, format="JPEG", quality=90, progressive=True),
        "grey JPEG": encoded(rgb.convert("L"), format="JPEG", quality=90),
        "RGB PNG": encoded(rgb, format="PNG"),
        "RGBA PNG": encoded(rgba, format="PNG"),
        "grey PNG": encoded(rgb.convert("L"), format="PNG"),
        "palette PNG": encoded(rgb.quantize(16), format="PNG"),
        "BMP": encoded(rgb.crop((0, 0, 5, 3)), format="BMP"),
        "PPM": encoded(rgb.crop((0, 0, 5, 3)), format="PPM"),
    }
    print("const std::vector<FileGolden> kFileGoldens{")
    for name, data in files.items():
        image = Image.open(io.BytesIO(data)).convert("RGB")
        print(f"    {{\"{name}\", {image.height}, {image.width},\n     {bytes_text(data)},\n"
              f"     {bytes_text(pixels(image))}}},")
    print("};\n")


def gzip_goldens():
    images = struct.pack(">IIII", 0x803, 3, 4, 5) + bytes(range(60))
    labels = struct.pack(">II", 0x801, 3) + bytes([2, 0, 1])
    for name, data in (("kImagesGzip", images), ("kLabelsGzip", labels),
                       ("kHugeHeaderGzip", struct.pack(">IIII", 0x803, MASK, 16384, 16384)),
                       ("kImagesTooLongGzip", images + b"x")):
        print(f"const Bytes {name} = {bytes_text(gzip.compress(data, mtime=0))};\n")


if __name__ == "__main__":
    print("// Made by make_data_goldens.py; do not edit.\n// clang-format off\n")
    resize_goldens()
    jitter_goldens()
    transform_goldens()
    file_goldens()
    gzip_goldens()
    print("// clang-format on")
