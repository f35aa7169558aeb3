#!/usr/bin/env python3
"""Costs of networks, counted one weight, one input position and one multiply-add at a time.

Shares no formula and no table with the C++ cost model: it walks over loops instead of multiplying
sizes. Writes independent_costs.inc and independent_su_costs.inc beside it, which the tests of the
cost model compare with:

    python3 tests/selection/independent_costs.py            # writes the files again
    python3 tests/selection/independent_costs.py --check    # exits 1 if they are out of date
"""
import random
import sys
from pathlib import Path

COSTS = Path(__file__).with_name("independent_costs.inc")
SU_COSTS = Path(__file__).with_name("independent_su_costs.inc")

NETWORKS = {  # in-mid-out:kernel:stride of every block
    "mbv2": "16-16-8:3:1 8-48-8:3:2 8-48-8:3:1 8-48-16:3:2 16-96-16:3:1 16-96-16:3:1 16-96-24:3:2 "
            "24-144-24:3:1 24-144-24:3:1 24-144-24:3:1 24-144-32:3:1 32-192-32:3:1 32-192-32:3:1 "
            "32-192-56:3:2 56-336-56:3:1 56-336-56:3:1 56-336-112:3:1",
    "mcunet": "16-16-8:3:1 8-32-16:3:2 16-48-16:3:1 16-48-24:7:2 24-120-24:3:1 24-120-40:3:2 "
              "40-160-40:7:1 40-160-48:5:1 48-144-48:3:1 48-192-48:3:1 48-240-96:7:2 96-384-96:5:1 "
              "96-384-96:5:1 96-576-160:3:1",
    "proxyless": "16-16-8:3:1 8-24-16:5:2 16-48-16:3:1 16-48-16:7:2 16-48-16:3:1 16-48-16:5:1 "
                 "16-48-16:5:1 16-96-24:7:2 24-72-24:5:1 24-72-24:5:1 24-72-24:5:1 24-144-32:5:1 "
                 "32-96-32:5:1 32-96-32:5:1 32-96-32:5:1 32-192-64:7:2 64-384-64:7:1 64-192-64:7:1 "
                 "64-192-64:7:1 64-384-96:7:1",
}

# SU's five schemes of each network, conv index:share of its input channels (docs/method.md
# section 5).
SU_SCHEMES = {
    "mbv2": {
        "49kB": "36:1 39:1 40:0 41:.25 42:.125 45:.125 48:.125 49:.125",
        "73kB": "32:.125 33:.5 36:.5 39:1 41:.25 42:.125 45:.125 48:.125",
        "99kB": "27:1 30:1 33:1 36:1 39:1 42:.125 45:.5 48:1",
        "123kB": "27:1 30:1 33:1 36:1 39:1 42:.5 45:1 48:1",
        "138kB": "27:1 30:1 33:1 36:1 39:1 42:1 45:1 48:1",
    },
    "mcunet": {
        "49kB": "23:0 24:.25 27:.5 30:.5 33:0 39:0",
        "74kB": "21:1 23:0 24:1 26:0 27:.5 30:1",
        "99kB": "21:1 24:1 27:1 30:1 36:.125 39:.25",
        "124kB": "21:.25 24:1 27:1 30:1 33:.5 39:.5",
        "148kB": "21:1 24:1 27:1 30:1 36:1 39:.5",
    },
    "proxyless": {
        "49kB": "39:.25 42:1 44:0 45:1 50:0 51:.125 54:.25 57:.25",
        "74kB": "33:.5 36:.25 39:1 42:1 45:1 51:.5 54:.25 57:.5",
        "98kB": "36:1 39:.5 42:1 45:1 48:.25 51:.5 54:1 57:1",
        "120kB": "36:1 39:1 42:1 45:1 48:.5 51:1 54:1 57:1",
        "148kB": "36:1 39:1 42:1 45:1 48:1 51:1 54:1 57:1",
    },
}


def parse(text):
    blocks = []
    for word in text.split():
        channels, kernel, stride = word.split(":")
        blocks.append((*map(int, channels.split("-")), int(kernel), int(stride)))
    return blocks


def positions(size, kernel, stride):
    """How many positions an odd kernel has that is centred on every stride-th input position."""
    assert kernel % 2 == 1
    return len(range(0, size, stride))


def convs(stem, blocks, mix, size):
    """(input channels, output channels, kernel, input size, output size, depthwise) of each conv."""
    out = positions(size, 3, 2)
    result = [(3, stem, 3, size, out, False)]
    size = out
    for cin, mid, cout, kernel, stride in blocks:
        if mid != cin:
            result.append((cin, mid, 1, size, size, False))
        out = positions(size, kernel, stride)
        result.append((mid, mid, kernel, size, out, True))
        size = out
        result.append((mid, cout, 1, size, size, False))
    if mix:
        result.append((blocks[-1][2], mix, 1, size, size, False))
    return result


def unit_cost(conv):
    """(weights, activations, multiply-adds) of one input channel, by counting."""
    _, cout, kernel, size, out, depthwise = conv
    weights = sum(1 for _ in range(1 if depthwise else cout) for _ in range(kernel)
                  for _ in range(kernel))
    activations = sum(1 for _ in range(size) for _ in range(size))
    multiply_adds = sum(weights for _ in range(out) for _ in range(out))
    return weights, activations, multiply_adds


def case(name, stem, blocks, mix, size):
    layers = convs(stem, blocks, mix, size)
    units = [unit_cost(layer) for layer in layers]
    totals = [sum(layer[0] * unit[part] for layer, unit in zip(layers, units)) for part in range(3)]
    lines = [[name, size, stem, mix, len(blocks)], *blocks, totals, [len(units)], *units]
    return "".join(" ".join(map(str, line)) + "\n" for line in lines)


def random_network(generator):
    stem = generator.randint(1, 24)
    blocks, channels = [], stem
    for index in range(generator.randint(2, 7)):
        out = generator.randint(1, 40)
        mid = channels if index == 0 else channels * generator.randint(2, 6)
        blocks.append((channels, mid, out, generator.choice([3, 5, 7]), generator.choice([1, 2])))
        channels = out
    return stem, blocks, generator.choice([0, generator.randint(1, 64)])


def document():
    text = "// Generated by tests/selection/independent_costs.py. Of each network: name, image size,\n"
    text += "// stem, mix, blocks; {in mid out kernel stride} of a block; total weights, activations,\n"
    text += "// multiply-adds; convs; {weights activations multiply-adds} of a unit of a conv.\n"
    text += 'R"(\n'
    for name, blocks in NETWORKS.items():
        for size in (96, 128, 160):
            text += case(f"{name}-{size}", 16, parse(blocks), 0, size)
    text += case("mbv2-mix-97", 16, parse(NETWORKS["mbv2"]), 448, 97)
    text += case("proxyless-mix-33", 16, parse(NETWORKS["proxyless"]), 384, 33)
    generator = random.Random(20251)
    for index in range(12):
        stem, blocks, mix = random_network(generator)
        text += case(f"random-{index}", stem, blocks, mix, generator.randint(7, 161))
    return text + ')"\n'


def su_document():
    text = "// Generated by tests/selection/independent_costs.py: network, scheme, its channels, {weights,\n"
    text += "// activations} with depthwise channels at D^2, weights with depthwise channels at 1.\n"
    text += "// clang-format off\n"
    for name, schemes in SU_SCHEMES.items():
        layers = convs(16, parse(NETWORKS[name]), 0, 128)
        for label, scheme in schemes.items():
            weights = activations = paper_weights = 0
            for word in scheme.split():
                index, share = word.split(":")
                layer = layers[int(index)]
                for _ in range(int(layer[0] * float(share))):
                    unit = unit_cost(layer)
                    weights += unit[0]
                    paper_weights += 1 if layer[5] else unit[0]
                    activations += unit[1]
            text += ('{"%s", "%s", "%s", {%d, %d}, %d},\n' %
                     (name, label, scheme, weights, activations, paper_weights))
    return text


if __name__ == "__main__":
    documents = {COSTS: document(), SU_COSTS: su_document()}
    if "--check" in sys.argv[1:]:
        sys.exit(any(path.read_text() != text for path, text in documents.items()))
    for path, text in documents.items():
        path.write_text(text)
