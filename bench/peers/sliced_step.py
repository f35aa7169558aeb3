"""The sliced training step in PyTorch: the strongest that its public operators allow.

It leaves out the work that trady leaves out. No autograd runs; of a conv's input only the selected
channels are kept, packed; dW is computed packed (plain GEMM for 1x1, `aten.convolution_backward`
with an output mask otherwise) and applied in place; backward ends at the first updated conv.
What lets the gradient pass a ReLU6 is kept as PyTorch's bool, one byte an element ("mask"), or by
keeping the activation itself ("output": four bytes, but it lies in memory anyway).
"""

from dataclasses import dataclass

import torch
from torch.nn import functional as F


@dataclass
class Layer:
    weight: torch.Tensor
    bias: torch.Tensor
    kernel: int
    stride: int
    padding: int
    groups: int
    activation: bool
    opens_residual: bool = False
    closes_residual: bool = False


def layers_of(model):
    layers = []
    for name, conv in model.convs():
        layers.append(
            Layer(
                conv.weight.detach(),
                conv.bias.detach(),
                conv.kernel_size[0],
                conv.stride[0],
                conv.padding[0],
                conv.groups,
                activation=not name.endswith("project"),
            )
        )
    position = 1
    for block in model.blocks:
        length = 2 if block.expand is None else 3
        layers[position].opens_residual = block.residual
        layers[position + length - 1].closes_residual = block.residual
        position += length
    return layers


class SlicedStep:
    def __init__(self, model, selection, channels_last, keep, learning_rate):
        if keep not in ("mask", "output"):
            raise ValueError(f"keep is mask or output, not {keep}")
        self.layers = layers_of(model)
        self.classifier = (model.classifier.weight.detach(), model.classifier.bias.detach())
        device = model.classifier.weight.device
        self.channels = {
            i: torch.tensor(c, dtype=torch.int64, device=device) for i, c in selection.items()
        }
        self.first_updated = min(self.channels, default=len(self.layers))
        self.channels_last = channels_last
        self.keep = keep
        self.learning_rate = learning_rate

    @property
    def memory_format(self):
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def forward(self, x):
        """Returns pooled features, the spatial size before pooling, packed inputs, gates."""
        packed, gates = {}, {}
        skip = None
        for i, layer in enumerate(self.layers):
            if layer.opens_residual:
                skip = x
            if i in self.channels:
                packed[i] = self.pack(i, x)
            x = F.conv2d(
                x, layer.weight, layer.bias, layer.stride, layer.padding, groups=layer.groups
            )
            if layer.activation:
                x.clamp_(0, 6)
                if i >= self.first_updated:
                    gates[i] = x if self.keep == "output" else (x > 0) & (x < 6)
            if layer.closes_residual:
                x.add_(skip)
        return x.mean((2, 3)), x.shape[2:], packed, gates

    def pack(self, i, x):
        """1x1: the matrix that the GEMM wants; otherwise an image with the selected channels."""
        channels = self.channels[i]
        if self.layers[i].kernel > 1:
            return x.index_select(1, channels).contiguous(memory_format=self.memory_format)
        if self.channels_last:
            return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]).index_select(1, channels)
        return x.index_select(1, channels).flatten(2)

    def step(self, x, labels):
        """One SGD step; returns the mean loss."""
        batch = x.shape[0]
        features, size, packed, gates = self.forward(x)
        weight, bias = self.classifier
        log_probabilities = F.log_softmax(F.linear(features, weight, bias), 1)
        loss = F.nll_loss(log_probabilities, labels)

        dlogits = log_probabilities.exp()
        dlogits.scatter_add_(1, labels[:, None], dlogits.new_full((batch, 1), -1.0))
        dlogits.div_(batch)
        if self.channels:
            dfeatures = (dlogits @ weight) / (size[0] * size[1])
            shape = (*dfeatures.shape, *size)
            dy = dfeatures[:, :, None, None].expand(shape)
            self.backward(dy.contiguous(memory_format=self.memory_format), packed, gates)
        weight.sub_(dlogits.t() @ features, alpha=self.learning_rate)
        bias.sub_(dlogits.sum(0), alpha=self.learning_rate)
        return loss

    def backward(self, dy, packed, gates):
        skip_gradient = None
        for i in range(len(self.layers) - 1, self.first_updated - 1, -1):
            layer = self.layers[i]
            if layer.closes_residual:
                skip_gradient = dy
            if layer.activation:
                gate = gates.pop(i)
                if self.keep == "output":
                    dy = torch.ops.aten.hardtanh_backward(dy, gate, 0.0, 6.0)
                else:
                    dy = dy.mul_(gate)
            dw = self.grad_weight(i, packed.pop(i), dy) if i in self.channels else None
            if i > self.first_updated:
                dx = self.grad_input(layer, dy)
                if layer.opens_residual:
                    dx = dx.add_(skip_gradient)
                dy = dx
            if dw is not None:
                axis = 1 if layer.groups == 1 else 0
                layer.weight.index_add_(axis, self.channels[i], dw, alpha=-self.learning_rate)

    def grad_weight(self, i, x, dy):
        layer = self.layers[i]
        if layer.kernel == 1:
            if self.channels_last:
                dw = dy.permute(0, 2, 3, 1).reshape(-1, dy.shape[1]).t() @ x
            else:
                dw = torch.bmm(dy.flatten(2), x.transpose(1, 2)).sum(0)
            return dw[:, :, None, None]
        count = len(self.channels[i])
        if layer.groups > 1:
            dy = dy.index_select(1, self.channels[i]).contiguous(memory_format=self.memory_format)
            shape, groups = (count, 1), count
        else:
            shape, groups = (dy.shape[1], count), 1
        weight = dy.new_empty((*shape, layer.kernel, layer.kernel))
        return _convolution_backward(layer, dy, x, weight, groups, (False, True, False))[1]

    def grad_input(self, layer, dy):
        out_c, in_c = layer.weight.shape[:2]
        if layer.kernel == 1 and self.channels_last:
            flat = dy.permute(0, 2, 3, 1).reshape(-1, out_c) @ layer.weight.reshape(out_c, in_c)
            return flat.reshape(dy.shape[0], *dy.shape[2:], in_c).permute(0, 3, 1, 2)
        in_c *= layer.groups
        size = [layer.stride * side for side in dy.shape[2:]]  # even input sides, as at 128 px
        x = dy.new_empty((dy.shape[0], in_c, *size))
        x = x.contiguous(memory_format=self.memory_format)  # its values are not read
        return _convolution_backward(layer, dy, x, layer.weight, layer.groups, (True, False, False))[0]

    def kept_bytes(self, x):
        """Bytes that one forward pass keeps for backward, by category."""
        features, _, packed, gates = self.forward(x)
        return {
            "packed_inputs": sum(t.numel() * t.element_size() for t in packed.values()),
            "gates": sum(t.numel() * t.element_size() for t in gates.values()),
            "features": features.numel() * features.element_size(),
        }


def _convolution_backward(layer, dy, x, weight, groups, output_mask):
    stride, padding = [layer.stride] * 2, [layer.padding] * 2
    return torch.ops.aten.convolution_backward(
        dy, x, weight, None, stride, padding, [1, 1], False, [0, 0], groups, output_mask
    )
