"""Units of selection, their cost and the filling rule (docs/method.md sections 1-4).

A selection is {conv index: ascending list of input channels}. As JSON:
    {"convs": [{"index": 13, "channels": [0, 4, 9]}, ...]}
"""

import json
from pathlib import Path

import numpy as np

METHODS = ("head", "full", "trady", "s-topk-random", "d-full-random", "s-full-random")


def unit_costs(model, image_size):
    """Cost of one input channel of every conv, in elements per sample: C^W_c + H W."""
    costs = []
    for (_, conv), size in zip(model.convs(), model.input_sizes(image_size)):
        costs.append(conv.weight.numel() // conv.in_channels + size * size)
    return costs


def channels_of(model):
    return [conv.in_channels for _, conv in model.convs()]


def read_pool(path, count, convs):
    """First `count` layers of a ranking file, less those that the network at hand lacks."""
    ranking = json.loads(Path(path).read_text())["descending_rgn"]
    return [index for index in ranking[:count] if index < convs]


def draw(costs, channels, pool, budget, random):
    """Permutes the units of the pool uniformly and takes them until the first that would exceed."""
    units = [(index, channel) for index in pool for channel in range(channels[index])]
    used = 0
    selection = {}
    for position in random.permutation(len(units)):
        index, channel = units[position]
        if used + costs[index] > budget:
            break
        used += costs[index]
        selection.setdefault(index, []).append(channel)
    return {index: sorted(selection[index]) for index in sorted(selection)}


def used_budget(selection, costs):
    return sum(costs[index] * len(channels) for index, channels in selection.items())


def from_json(value):
    return {entry["index"]: list(entry["channels"]) for entry in value["convs"] if entry["channels"]}


def to_json(selection):
    return {
        "convs": [
            {"index": int(index), "channels": [int(c) for c in channels]}
            for index, channels in selection.items()
        ]
    }


class Selector:
    """Selections of a method, epoch by epoch. `None` stands for every weight and bias."""

    def __init__(self, method, model, image_size, pool, budget, seed):
        if method not in METHODS:
            raise SystemExit(f"unknown method {method}; known: {', '.join(METHODS)}")
        self.method = method
        self.costs = unit_costs(model, image_size)
        self.channels = channels_of(model)
        within_pool = method in ("trady", "s-topk-random")
        self.pool = pool if within_pool else list(range(len(self.costs)))
        self.budget = budget
        self.random = np.random.default_rng(seed)
        self.current = {}

    def for_epoch(self, epoch):
        if self.method == "full":
            return None
        draws_again = self.method in ("trady", "d-full-random")
        if self.method != "head" and (epoch == 0 or draws_again):
            self.current = draw(self.costs, self.channels, self.pool, self.budget, self.random)
        return self.current
