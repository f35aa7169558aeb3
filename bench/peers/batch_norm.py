"""Batch-norms put back into a network that has them folded in (docs/method.md section 6).

Afterwards every `conv` of the network is a convolution without bias and the batch-norm behind it,
which in evaluation only adds the old bias: the network computes what it did before.
"""

import torch
from torch import nn

EPSILON = {"mbv2-w0.35": 1e-3}  # of the network that the checkpoint was made from; others: 1e-5
MOMENTUM = 0.1  # torch's: weight of the batch in the running statistics, the variance unbiased


class NormalizedConv(nn.Conv2d):
    """A convolution and its batch-norm; a Conv2d, so that costs and masks see the convolution."""

    def __init__(self, folded, epsilon):
        super().__init__(
            folded.in_channels,
            folded.out_channels,
            folded.kernel_size,
            folded.stride,
            folded.padding,
            groups=folded.groups,
            bias=False,
        )
        self.weight = folded.weight
        self.norm = nn.BatchNorm2d(folded.out_channels, epsilon, MOMENTUM)

    def forward(self, x):
        return self.norm(super().forward(x))


@torch.no_grad()
def calibrate(model, images, batch):
    """Replaces every conv of `model`; mean and variance of its output are those over `images`.

    images: N x 3 x H x W, prepared as for testing; one pass in evaluation, `batch` at a time.
    """
    epsilon = EPSILON.get(model.network.name, 1e-5)
    sums = {}

    def observe(conv, _, output):
        output = (output - conv.bias[:, None, None]).double()
        mean, square = output.mean((0, 2, 3)), output.square().mean((0, 2, 3))
        of_conv = sums.setdefault(conv, [0, 0])
        of_conv[0] = of_conv[0] + mean * len(output)
        of_conv[1] = of_conv[1] + square * len(output)

    convs = model.convs()
    hooks = [conv.register_forward_hook(observe) for _, conv in convs]
    for part in images.split(batch):
        model(part)
    for hook in hooks:
        hook.remove()
    for name, conv in convs:
        mean, square = (total / len(images) for total in sums[conv])
        variance = (square - mean * mean).clamp(min=0)
        replacement = NormalizedConv(conv, epsilon)
        replacement.norm.running_mean.copy_(mean)
        replacement.norm.running_var.copy_(variance)
        replacement.norm.weight.copy_((variance + epsilon).sqrt())
        replacement.norm.bias.copy_(mean + conv.bias)
        parent, _, part = name.rpartition(".")
        setattr(model.get_submodule(parent), part, replacement)
