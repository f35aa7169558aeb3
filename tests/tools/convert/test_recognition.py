"""Networks known by names and shapes, held to what their projects build."""

import hashlib
import math
import unittest

from networks_for_tests import shapes_of
from checkpoint import batch_norm_networks, recognition
from checkpoint.errors import CheckpointError

# Of the sorted lines "name [sizes]" of the state_dicts that torchvision 0.29, timm 1.0.31 and
# transformers 5.24 make (counters left out): the first 16 digits of their SHA-256.
DIGESTS = {
    ("resnet18", "torchvision", 1): "fc669aac650ab66f",
    ("resnet34", "torchvision", 1): "efabbe4b2289112b",
    ("resnet50", "torchvision", 1): "584ee931ad382885",
    ("resnet18", "hugging_face_resnet", 1): "f47e4cd8d5303da1",
    ("resnet34", "hugging_face_resnet", 1): "814881895bdb5dff",
    ("resnet50", "hugging_face_resnet", 1): "e5c5612d6dba3df8",
    ("mobilenet_v2", "torchvision", 0.1): "4430525f7cda361c",
    ("mobilenet_v2", "torchvision", 0.35): "6e7e664e45f3365d",
    ("mobilenet_v2", "torchvision", 0.5): "b1df551aed7e8570",
    ("mobilenet_v2", "torchvision", 0.75): "de7a76150d37683d",
    ("mobilenet_v2", "torchvision", 1): "07c1a8796c1aa659",
    ("mobilenet_v2", "torchvision", 1.4): "ed69abadd0bc5906",
    ("mobilenet_v2", "timm_mobilenet_v2", 0.35): "aab1632143de433c",
    ("mobilenet_v2", "timm_mobilenet_v2", 1): "fb193ed441ef69d9",
    ("mobilenet_v2", "timm_mobilenet_v2", 1.4): "89df35e9deac3d43",
    ("mobilenet_v2", "hugging_face_mobilenet_v2", 0.35): "8428753399c7d261",
    ("mobilenet_v2", "hugging_face_mobilenet_v2", 0.75): "4d3d18a626ea203a",
    ("mobilenet_v2", "hugging_face_mobilenet_v2", 1): "66bbcd0225bb4c42",
    ("mobilenet_v2", "hugging_face_mobilenet_v2", 1.4): "c7419de30adb1053",
}


class Shape:
    def __init__(self, shape):
        self.shape = shape


def recognised(shapes, forced=None):
    return recognition.recognise({name: Shape(s) for name, s in shapes.items()}, forced)


class Recognition(unittest.TestCase):
    def assert_differs(self, shapes, *parts, forced=None):
        with self.assertRaises(CheckpointError) as caught:
            recognised(shapes, forced)
        for part in parts:
            self.assertIn(part, str(caught.exception))

    def test_names_and_shapes_are_those_of_the_projects(self):
        for (model, naming, width), digest in DIGESTS.items():
            with self.subTest(model=model, naming=naming, width=width):
                shapes = shapes_of(model, 1000, naming, width)
                lines = sorted(f"{name} {list(shape)}" for name, shape in shapes.items())
                found = hashlib.sha256("\n".join(lines).encode()).hexdigest()
                self.assertEqual(found[:16], digest)
                match = recognised(shapes)
                self.assertEqual((match.model, match.classes), (model, 1000))
                self.assertEqual(match.width, "" if model != "mobilenet_v2" else str(width))
                # The names to write are torchvision's, whatever those read are.
                written = {name: shape for name, (_, shape) in match.tensors.items()}
                self.assertEqual(written, shapes_of(model, width=width))

    def test_resnets_for_cifar(self):
        for model, trained in (
            ("resnet20", 269_722),
            ("resnet32", 464_154),
            ("resnet44", 658_586),
            ("resnet56", 853_018),
        ):
            shapes = shapes_of(model, classes=10)
            self.assertEqual(recognised(shapes).model, model)
            sizes = [math.prod(s) for n, s in shapes.items() if ".running_" not in n]
            self.assertEqual(sum(sizes), trained)

    def test_every_width_has_a_text_that_builds_the_same_channels(self):
        channels_of = batch_norm_networks.mobilenet_v2_channels
        for width in (0.01, 0.137, 1 / 3, 0.35, 0.7, 0.95, 1.003, 1.3, 1.61803, 2.0, 3.999):
            text = batch_norm_networks.mobilenet_v2_width(channels_of(width))
            self.assertEqual(channels_of(float(text)), channels_of(width), width)

    def test_counters_may_be_there_or_not(self):
        shapes = shapes_of("resnet20")
        shapes["bn1.num_batches_tracked"] = ()
        self.assertEqual(recognised(shapes).model, "resnet20")
        shapes["conv1.num_batches_tracked"] = ()
        self.assert_differs(shapes, "1 unexpected: 'conv1.num_batches_tracked' []")

    def test_every_difference_is_listed(self):
        shapes = shapes_of("resnet34", classes=5)
        del shapes["layer3.5.bn2.running_mean"]
        del shapes["layer1.0.conv1.weight"]
        shapes["layer4.0.conv1.weight"] = (512, 256, 1, 1)
        shapes["fc.bias"] = (6,)
        shapes["auxiliary.weight"] = (1, 2)
        self.assert_differs(
            shapes,
            "differs from resnet34 with the names of torchvision and timm, the closest known "
            "model, in 5 tensors",
            "2 missing: layer1.0.conv1.weight [64, 64, 3, 3], layer3.5.bn2.running_mean [256]",
            "1 unexpected: 'auxiliary.weight' [1, 2]",
            "2 misshapen: layer4.0.conv1.weight [512, 256, 1, 1] instead of [512, 256, 3, 3], "
            "fc.bias [6] instead of [5]",
        )

    def test_the_closest_network_is_found_under_other_names(self):
        shapes = shapes_of("mobilenet_v2", 10, "timm_mobilenet_v2", 0.5)
        shapes["blocks.2.1.conv_dw.weight"] = (48, 1, 5, 5)
        self.assert_differs(
            shapes,
            "mobilenet_v2 of width 0.5 with the names of timm",
            "in 1 tensors: 1 misshapen: blocks.2.1.conv_dw.weight [48, 1, 5, 5] instead of "
            "[96, 1, 3, 3]",
        )
        shapes = shapes_of("resnet50", 10, "hugging_face_resnet")
        del shapes["classifier.1.weight"], shapes["classifier.1.bias"]
        self.assert_differs(
            shapes, "resnet50 with the names of Hugging Face", "2 missing: classifier.1.weight"
        )

    def test_a_network_of_no_kind(self):
        self.assert_differs(
            {"a\x1b[2J": (3,)}, "1 unexpected: 'a\\x1b[2J' [3]", "missing: conv1.weight"
        )

    def test_a_classifier_without_classes(self):
        shapes = shapes_of("resnet20", classes=0)
        self.assert_differs(shapes, "linear.weight [0, 64] instead of [1000, 64]")

    def test_forced_model(self):
        shapes = shapes_of("resnet20")
        self.assertEqual(recognised(shapes, "resnet20").model, "resnet20")
        self.assert_differs(
            shapes,
            "differs from resnet32",
            "the model asked for",
            "layer1.3.conv1",
            forced="resnet32",
        )


if __name__ == "__main__":
    unittest.main()
