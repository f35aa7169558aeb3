"""The masked simulation that the TraDy authors evaluate their method with (docs/method.md, head).

Gradients are dense; a mask keeps those of the selected input channels. This is the oracle of what
trady computes sparsely, and nothing to be quick with.
"""

import torch


class MaskedSgd:
    """Plain SGD on the selected slices and the classifier; `None` selects every parameter.

    Batch-norms, where the network has them, are trained whatever is selected.
    """

    def __init__(self, model):
        self.model = model
        self.masks = {}

    def select(self, selection):
        self.masks = {}
        for index, (_, conv) in enumerate(self.model.convs()):
            everything = selection is None
            channels = [] if everything else selection.get(index, [])
            conv.weight.requires_grad_(everything or bool(channels))
            if conv.bias is not None:
                conv.bias.requires_grad_(everything)
            if channels:
                mask = torch.zeros_like(conv.weight)
                if conv.groups == 1:
                    mask[:, channels] = 1
                else:
                    mask[channels] = 1  # depthwise: input channel c is the slice W[c]
                self.masks[conv.weight] = mask

    def zero_grad(self):
        self.model.zero_grad(set_to_none=True)

    @torch.no_grad()
    def step(self, learning_rate):
        for parameter in self.model.parameters():
            if parameter.grad is None:
                continue
            gradient = parameter.grad
            if parameter in self.masks:
                gradient = gradient * self.masks[parameter]
            parameter -= learning_rate * gradient
