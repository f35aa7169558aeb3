"""The forms of a step that step.py times: which there are, and how each is built.

On the CPU  row/{channels_last, contiguous}/{eager, compiled, frozen}[/keep]
On a GPU    row/{tf32, amp}/{eager, graphs, compiled, compiled-graphs}[/keep], all channels_last;
            graphs: the whole step, optimizer included, as one CUDA graph; amp: bfloat16
`keep` is what a sliced step keeps of a ReLU6: mask or output (sliced_step.py).
"""

import contextlib
from dataclasses import dataclass, replace

import torch
from torch.nn import functional as F

import gpu
import networks
from sliced_step import SlicedStep

LEARNING_RATE = 1e-6


@dataclass(frozen=True)
class Form:
    row: str
    channels_last: bool = True
    mode: str = "eager"
    amp: bool = False
    keep: str = ""


def forms(device):
    """{name: Form}, the quickest to build first."""
    return _gpu_forms() if device == "cuda" else _cpu_forms()


def _cpu_forms():
    found = {}
    for layout in ("channels_last", "contiguous"):
        last = layout == "channels_last"
        for mode in ("eager", "compiled", "frozen"):
            found[f"forward/{layout}/{mode}"] = Form("forward", last, mode)
        for mode in ("eager", "compiled"):
            found[f"full/{layout}/{mode}"] = Form("full", last, mode)
            for keep in ("mask", "output"):
                name = f"sliced/{layout}/{mode}/{keep}"
                found[name] = Form("sliced", last, mode, keep=keep)
    return found


def _gpu_forms():
    found = {}
    # A captured form of a compiled step finds the compiler's work in its cache.
    for modes in (("eager",), ("graphs",), ("compiled", "compiled-graphs")):
        for precision in ("tf32", "amp"):
            for row in ("full", "sliced", "forward", "head", "last-k"):
                for mode in modes:
                    form = Form(row, mode=mode, amp=precision == "amp")
                    if row != "sliced":
                        found[f"{row}/{precision}/{mode}"] = form
                    elif not form.amp:  # it calls operators itself, in float32
                        for keep in ("mask", "output"):
                            found[f"sliced/tf32/{mode}/{keep}"] = replace(form, keep=keep)
    return found


def make_model(args, channels_last):
    torch.manual_seed(0)
    model = networks.build(args.model, args.weights)
    networks.replace_head(model, args.classes, torch.Generator().manual_seed(0))
    model = model.to(args.device)
    return model.to(memory_format=torch.channels_last) if channels_last else model


def make_batch(args, channels_last):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(args.batch, 3, args.image_size, args.image_size, generator=generator) * 2 - 1
    labels = torch.randint(args.classes, (args.batch,), generator=generator)
    x, labels = x.to(args.device), labels.to(args.device)
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x, labels


def make_sliced(args, channels_last, keep):
    model = make_model(args, channels_last)
    return SlicedStep(model, args.drawn, channels_last, keep, LEARNING_RATE)


def build_step(args, form):
    """A function without arguments that runs one step. Compiles and captures when it must."""
    build = {"forward": _forward_step, "sliced": _sliced_step}.get(form.row, _training_step)
    step = build(args, form)
    return gpu.captured(step) if form.mode.endswith("graphs") else step


def _is_compiled(form):
    return form.mode.startswith("compiled")


def _precision(form):
    """No cache of cast weights, which a capture would lose between steps."""
    if not form.amp:
        return contextlib.nullcontext()
    return torch.autocast("cuda", torch.bfloat16, cache_enabled=False)


def _forward_step(args, form):
    model = make_model(args, form.channels_last)
    x, _ = make_batch(args, form.channels_last)
    if _is_compiled(form) or form.mode == "frozen":
        model = torch.compile(model, options={"freezing": form.mode == "frozen"})

    def step():
        with torch.no_grad(), _precision(form):
            return model(x)

    return step


def _freeze(args, model, row):
    """Leaves the parameters that a method trains."""
    if row == "full":
        return
    model.requires_grad_(False)
    model.classifier.requires_grad_(True)
    if row == "last-k":
        for _, conv in model.convs()[-args.last :]:
            conv.requires_grad_(True)


def _training_step(args, form):
    model = make_model(args, form.channels_last)
    _freeze(args, model, form.row)
    x, labels = make_batch(args, form.channels_last)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, LEARNING_RATE, fused=True)

    def loss_of(images, targets):
        with _precision(form):
            return F.cross_entropy(model(images), targets)

    compute_loss = torch.compile(loss_of) if _is_compiled(form) else loss_of

    def step():
        optimizer.zero_grad(set_to_none=True)
        compute_loss(x, labels).backward()
        optimizer.step()

    return step


def _sliced_step(args, form):
    sliced = make_sliced(args, form.channels_last, form.keep)
    x, labels = make_batch(args, form.channels_last)
    run = torch.compile(sliced.step, fullgraph=True) if _is_compiled(form) else sliced.step

    def step():
        with torch.no_grad():
            return run(x, labels)

    return step
