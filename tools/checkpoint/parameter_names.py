"""What other projects call the layers of the networks that torchvision has too.

Each function turns torchvision's name of a layer (a convolution, a batch-norm or the classifier)
into the other project's; behind it follow .weight, .bias and so on everywhere.
"""

import re


def unchanged(name):
    """torchvision itself; timm has the same names in its ResNets."""
    return name


def hugging_face_resnet(name):
    """transformers, ResNetForImageClassification."""
    if name in ("conv1", "bn1"):
        return f"resnet.embedder.embedder.{_hugging_face_kind(name)}"
    if name == "fc":
        return "classifier.1"
    group, block, layer = re.fullmatch(r"layer(\d)\.(\d+)\.(.*)", name).groups()
    inside = f"resnet.encoder.stages.{int(group) - 1}.layers.{block}"
    if layer.startswith("downsample"):
        return f"{inside}.shortcut.{('convolution', 'normalization')[int(layer[-1])]}"
    return f"{inside}.layer.{int(layer[-1]) - 1}.{_hugging_face_kind(layer)}"


def _hugging_face_kind(name):
    return "convolution" if name.startswith("conv") else "normalization"


# features.<f> of torchvision's MobileNetV2 -> blocks.<group>.<index> of timm's.
_BLOCKS_OF_GROUPS = (1, 2, 3, 4, 3, 3, 1)
_TIMM_BLOCKS = [(g, i) for g, blocks in enumerate(_BLOCKS_OF_GROUPS) for i in range(blocks)]
_LAST_FEATURE = len(_TIMM_BLOCKS) + 1


def _mobilenet_v2_layer(name):
    """(feature, which of its convolutions, whether it is the batch-norm). Features 0 and 18 have
    one convolution, 1 has two, depthwise and projection, the others an expansion before these."""
    feature, rest = re.fullmatch(r"features\.(\d+)\.(.*)", name).groups()
    feature = int(feature)
    if feature in (0, _LAST_FEATURE):
        return feature, 0, rest == "1"
    pair = re.fullmatch(r"conv\.(\d)\.(\d)", rest)
    if pair:
        return feature, int(pair.group(1)), pair.group(2) == "1"
    projection = 1 if feature == 1 else 2
    return feature, projection, int(rest.rpartition(".")[2]) == projection + 1


def timm_mobilenet_v2(name):
    """timm, mobilenetv2_*."""
    if name == "classifier.1":
        return "classifier"
    feature, conv, is_norm = _mobilenet_v2_layer(name)
    if feature == 0:
        return "bn1" if is_norm else "conv_stem"
    if feature == _LAST_FEATURE:
        return "bn2" if is_norm else "conv_head"
    group, index = _TIMM_BLOCKS[feature - 1]
    kinds = ("conv_dw", "conv_pw") if feature == 1 else ("conv_pw", "conv_dw", "conv_pwl")
    return f"blocks.{group}.{index}.{f'bn{conv + 1}' if is_norm else kinds[conv]}"


def hugging_face_mobilenet_v2(name):
    """transformers, MobileNetV2ForImageClassification."""
    if name == "classifier.1":
        return "classifier"
    feature, conv, is_norm = _mobilenet_v2_layer(name)
    kind = "normalization" if is_norm else "convolution"
    if feature == 0:
        return f"mobilenet_v2.conv_stem.first_conv.{kind}"
    if feature == 1:
        return f"mobilenet_v2.conv_stem.{('conv_3x3', 'reduce_1x1')[conv]}.{kind}"
    if feature == _LAST_FEATURE:
        return f"mobilenet_v2.conv_1x1.{kind}"
    layer = ("expand_1x1", "conv_3x3", "reduce_1x1")[conv]
    return f"mobilenet_v2.layer.{feature - 2}.{layer}.{kind}"
