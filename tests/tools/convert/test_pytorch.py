"""tools/convert_checkpoint.py on networks in files of torch.save and of safetensors, made here."""

import json
import math
import struct
import unittest

from converter_test import Raw, global_opcode, pickled, read_safetensors
from networks_for_tests import CLASSES, MODEL, NetworkTest, shapes_of, state_dict
from torch_writer import ORDERED_DICT, TorchWriter, ordered_dict


class PyTorchFiles(NetworkTest):
    def test_every_container_and_way_to_wrap(self):
        shapes = shapes_of(MODEL, CLASSES)
        wrappings = {
            "plain": dict,
            "ordered": ordered_dict,
            "state_dict": lambda t: {"epoch": 3, "state_dict": ordered_dict(t), "best": 91.5},
            "model": lambda t: {"model": t, "optimizer": {"state": {0: {"step": 5}}}},
            "model_state_dict": lambda t: {"model_state_dict": t, "loss": None},
            "state_dict_ema": lambda t: {"state_dict_ema": t, "args": {"lr": 0.1}},
            "nested": lambda t: {"model": {"state_dict": t}},
        }
        for legacy in (False, True):
            for name, wrapping in wrappings.items():
                with self.subTest(legacy=legacy, wrapping=name):
                    self.write(wrapping, legacy=legacy)
                    output, _ = self.assert_converted(shapes)
                    self.assertIn(f"{MODEL}, 97 tensors, 269527 parameters, 7 classes", output)

    def test_a_tensor_beside_the_state_dict(self):
        writer = TorchWriter()
        tensors = state_dict(writer, shapes_of(MODEL, CLASSES))
        best = writer.tensor((), [91.5])
        writer.write(self.source, {"best_acc1": best, "state_dict": tensors})
        self.assert_converted(shapes_of(MODEL, CLASSES))

    def test_prefixes_before_every_name(self):
        for prefix in ("module.", "_orig_mod.", "module._orig_mod.", "model."):
            with self.subTest(prefix):
                self.write(ordered_dict, prefix=prefix)
                self.assert_converted(shapes_of(MODEL, CLASSES))

    def test_parameters_and_the_oldest_way_to_store_tensors(self):
        def as_parameters(tensors):
            function = global_opcode("torch._utils", "_rebuild_parameter")
            hooks = Raw(ORDERED_DICT + b")R")
            return {
                name: Raw(function + pickled((tensor, True, hooks)) + b"R")
                for name, tensor in tensors.items()
            }

        for legacy in (False, True):
            self.write(as_parameters, legacy=legacy)
            self.assert_converted(shapes_of(MODEL, CLASSES))
            self.write(ordered_dict, legacy=legacy, function="_rebuild_tensor")
            self.assert_converted(shapes_of(MODEL, CLASSES))

    def test_what_python_2_wrote(self):
        def short(text):
            return b"U" + bytes([len(text)]) + text.encode()

        def of_pairs(tensors):
            pairs = b"".join(b"](" + short(n) + pickled(t) + b"e" for n, t in tensors.items())
            return Raw(ORDERED_DICT + b"](" + pairs + b"e\x85R")

        self.write(of_pairs, legacy=True, function="_rebuild_tensor")
        self.assert_converted(shapes_of(MODEL, CLASSES))

    def test_names_of_other_projects_become_those_of_torchvision(self):
        for model, width, naming, metadata_parts in (
            ("mobilenet_v2", 0.1, "torchvision", {"width": "0.1", "mean": "0.485,0.456,0.406"}),
            ("mobilenet_v2", 0.1, "timm_mobilenet_v2", {"width": "0.1"}),
            (
                "mobilenet_v2",
                0.35,
                "hugging_face_mobilenet_v2",
                {"width": "0.35", "batch_norm_epsilon": "0.001", "mean": "0.5,0.5,0.5"},
            ),
        ):
            with self.subTest(naming):
                shapes = shapes_of(model, 3, naming, width)
                self.write(dict, shapes)
                output, metadata = self.assert_converted(
                    shapes, target_shapes=shapes_of(model, 3, width=width)
                )
                self.assertIn(f"mobilenet_v2 of width {width}, 262 tensors", output)
                self.assertEqual("TensorFlow's padding" in output, "hugging" in naming)
                for key, text in metadata_parts.items():
                    self.assertEqual(metadata[key], text)

    def test_metadata(self):
        self.write(dict)
        _, metadata = self.assert_converted(shapes_of(MODEL, CLASSES))
        self.assertRegex(metadata.pop("source_sha256"), "^[0-9a-f]{64}$")
        self.assertEqual(
            metadata,
            {
                "format": "trady",
                "format_version": "1",
                "model": "resnet20",
                "batch_norm": "separate",
                "mean": "0.485,0.456,0.406",
                "std": "0.229,0.224,0.225",
                "image_size": "32",
                "class_names": json.dumps([str(i) for i in range(CLASSES)]),
                "source_file": "net.pth",
            },
        )

    def test_what_the_user_knows_better(self):
        self.write(dict)
        _, metadata = self.assert_converted(
            shapes_of(MODEL, CLASSES),
            *("--mean", "0.5, 0.25,-1", "--std", "1,2,3", "--image-size", "64"),
            *("--batch-norm-epsilon", "1e-4"),
        )
        self.assertEqual(metadata["mean"], "0.5,0.25,-1")
        self.assertEqual(metadata["std"], "1,2,3")
        self.assertEqual(metadata["image_size"], "64")
        self.assertEqual(metadata["batch_norm_epsilon"], "1e-4")

    def test_the_entry_with_the_tensors(self):
        writer = TorchWriter()
        shapes = shapes_of(MODEL, CLASSES)
        averaged = state_dict(writer, shapes)
        last = {name: writer.tensor(s, [0.0] * math.prod(s)) for name, s in shapes.items()}
        writer.write(
            self.source, {"state_dict": last, "mine": averaged, "state_dict_ema": averaged}
        )
        for key in ("state_dict_ema", "mine"):
            self.assert_converted(shapes, "--state-dict", key)
        self.assertEqual(self.run_tool()[0], 0)
        self.assertEqual(set(read_safetensors(self.target)[0]["linear.bias"][1]), {0.0})
        self.target.unlink()
        self.assert_refused(
            "no dictionary 'other'", "'state_dict_ema'", options=["--state-dict", "other"]
        )

    # safetensors

    def test_safetensors(self):
        for dtype in ("F64", "F32", "F16", "BF16"):
            self.write_safetensors(shapes_of(MODEL, CLASSES), dtype)
            self.assert_converted(shapes_of(MODEL, CLASSES))
        shapes = shapes_of("mobilenet_v2", 3, "timm_mobilenet_v2", 0.1)
        self.write_safetensors(shapes)
        self.assert_converted(shapes, target_shapes=shapes_of("mobilenet_v2", 3, width=0.1))

    def test_a_header_that_begins_like_a_pickle(self):
        self.write_safetensors(shapes_of(MODEL, CLASSES))
        content = self.source.read_bytes()
        size = int.from_bytes(content[:8], "little")
        padding = (0x80 - size) % 256
        self.source.write_bytes(
            struct.pack("<Q", size + padding) + content[8 : 8 + size] + b" " * padding
            + content[8 + size :]
        )  # fmt: skip
        self.assertEqual(self.source.read_bytes()[0], 0x80)
        self.assert_converted(shapes_of(MODEL, CLASSES))

    def test_what_was_written_can_be_read_again(self):
        self.write(dict)
        self.assertEqual(self.run_tool()[0], 0)
        first = self.target.read_bytes()
        self.source = self.folder / "first.safetensors"
        self.source.write_bytes(first)
        self.assert_converted(shapes_of(MODEL, CLASSES))


if __name__ == "__main__":
    unittest.main()
