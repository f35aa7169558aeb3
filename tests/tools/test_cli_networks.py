"""The command line with networks that have batch-norms: every mode, calibration, export.

Usage: test_cli_networks.py PATH_OF_TRADY [TEST...]. Needs neither real data nor packages, as test_cli.py.
"""
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import test_cli

MODELS = ["mbv2-w0.35", "mcunet-5fps", "proxyless-w0.3", "mobilenet_v2", "resnet18", "resnet34",
          "resnet50", "resnet20", "resnet32", "resnet44", "resnet56"]


def read_tensors(path):
    """name -> bytes, and the metadata."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {name: data[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]]
               for name, entry in header.items()}
    return tensors, metadata


class Networks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls._folder.name)
        cls.data = cls.folder / "data"
        for split in ("train", "test"):
            test_cli.write_images(cls.data / split, test_cli.CLASSES)
        out = cls.folder / "pretrained"
        result = cls.finetune(cls, "--model", "resnet20", "--from-scratch", "--method", "full", "--out", out,
                              epochs=15)
        assert result.returncode == 0, result.stderr
        cls.weights = out / "weights.safetensors"
        cls.folded = cls.folder / "folded.safetensors"
        test_cli.write_safetensors(cls.folded, test_cli.random_network(cls.folder, 2),
                                   test_cli.metadata_of(test_cli.CLASSES))

    @classmethod
    def tearDownClass(cls):
        cls._folder.cleanup()

    def finetune(self, *args, epochs=1):
        return test_cli.trady("finetune", "--data", self.data, "--image-size", 32, "--batch", 8, "--lr", 0.01,
                              "--epochs", epochs, "--warmup", 0, *args)

    def accepted(self, result):
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result

    def refused(self, result, *expected):
        self.assertGreater(result.returncode, 0, result.stdout)
        for text in expected:
            self.assertIn(text, result.stderr)

    def record(self, out):
        return json.loads((out / "run.json").read_text())

    def test_every_network_can_be_planned(self):
        for model in MODELS:
            for method in (["--method", "full"], ["--budget", "2%", "--pool", "all"]):
                for mode in ("folded", "frozen", "train"):
                    self.accepted(test_cli.trady("plan", "--model", model, "--device", "null", "--batch", 4,
                                                 "--batch-norm", mode, *method))

    def test_pretraining_trains_batch_norms(self):
        tensors, metadata = read_tensors(self.weights)
        self.assertEqual(metadata["batch_norm"], "separate")
        self.assertEqual(self.record(self.weights.parent)["settings"]["batch_norm"], "train")
        self.assertIn("layer3.2.bn2.running_var", tensors)
        self.assertNotIn("layer3.2.bn2.scale", tensors)

    def test_modes_agree_before_training(self):
        before = {}
        for mode in ("folded", "frozen", "train"):
            out = self.folder / f"mode-{mode}"
            self.accepted(self.finetune("--weights", self.weights, "--batch-norm", mode, "--budget", "10%",
                                        "--pool", "all", "--out", out))
            before[mode] = self.record(out)["before"]["test"]["loss"]
            kind = read_tensors(out / "weights.safetensors")[1]["batch_norm"]
            self.assertEqual(kind, "folded" if mode == "folded" else "separate")
        for mode in ("frozen", "train"):
            self.assertAlmostEqual(before[mode], before["folded"], delta=1e-4)

    def test_frozen_leaves_what_it_did_not_train_to_the_last_bit(self):
        out = self.folder / "head"
        self.accepted(self.finetune("--weights", self.weights, "--method", "head", "--out", out))
        source, _ = read_tensors(self.weights)
        written, _ = read_tensors(out / "weights.safetensors")
        self.assertEqual(source.keys(), written.keys())
        changed = {name for name in source if source[name] != written[name]}
        self.assertEqual(changed, {"linear.weight", "linear.bias"})

    def test_micro_batches_are_refused_with_statistics_of_the_batch(self):
        self.refused(self.finetune("--weights", self.weights, "--batch-norm", "train", "--method", "full",
                                   "--micro-batch", 2, "--out", self.folder / "x"),
                     "--micro-batch 2", "whole batch of 8", "--batch-norm frozen")

    def test_calibration_changes_nothing_before_training(self):
        losses = []
        for name, args in (("folded", []), ("frozen", ["--batch-norm", "frozen", "--calibrate-bn=16"]),
                           ("train", ["--batch-norm", "train", "--calibrate-bn=16"])):
            out = self.folder / f"calibrated-{name}"
            self.accepted(self.finetune("--weights", self.folded, "--method", "head", "--out", out, *args))
            losses.append(self.record(out)["before"]["test"]["loss"])
        for loss in losses:
            self.assertAlmostEqual(loss, losses[0], delta=1e-4)
        tensors, metadata = read_tensors(self.folder / "calibrated-train" / "weights.safetensors")
        self.assertEqual(metadata["batch_norm"], "separate")
        self.assertIn("first_conv.bn.running_mean", tensors)
        # What it wrote is a network with batch-norms of its own.
        self.accepted(test_cli.trady("eval", "--weights", self.folder / "calibrated-train" / "weights.safetensors",
                                     "--data", self.data))

    def test_calibration_where_it_makes_no_sense(self):
        out = ["--method", "head", "--out", self.folder / "y"]
        self.refused(self.finetune("--weights", self.folded, "--batch-norm", "train", *out), "--calibrate-bn")
        self.refused(self.finetune("--weights", self.folded, "--calibrate-bn", *out), "which was not asked for")
        self.refused(self.finetune("--weights", self.weights, "--calibrate-bn", *out), "has its own")
        self.refused(self.finetune("--weights", self.folded, "--batch-norm", "train", "--calibrate-bn", *out),
                     "only 16 training images", "--calibrate-bn=16")

    def test_weight_decay_with_frozen_batch_norms(self):
        self.refused(self.finetune("--weights", self.weights, "--method", "full", "--weight-decay", 0.01,
                                   "--out", self.folder / "z"), "weight decay")

    def test_export_gives_the_tensors_and_the_class_names(self):
        out = self.folder / "exported.safetensors"
        result = self.accepted(test_cli.trady("export", self.weights.parent, out))
        self.assertIn("load_state_dict", result.stdout)
        source, _ = read_tensors(self.weights)
        exported, metadata = read_tensors(out)
        self.assertEqual(source, exported)
        self.assertEqual(metadata, {"format": "pt"})
        names = (self.folder / "exported.classes.txt").read_text()
        self.assertEqual(names, "ant\nbee\n")
        self.accepted(test_cli.trady("export", self.weights, out, "--prefix", "module."))
        self.assertEqual(set(read_tensors(out)[0]), {"module." + name for name in source})

    def test_export_refuses_what_it_should(self):
        digest = hashlib.sha256(self.weights.read_bytes()).digest()
        self.refused(test_cli.trady("export", self.weights, self.weights), "choose another file")
        self.assertEqual(hashlib.sha256(self.weights.read_bytes()).digest(), digest)
        self.refused(test_cli.trady("export", self.weights, self.folder / "nowhere" / "x.safetensors"), "nowhere")
        self.refused(test_cli.trady("export", self.folder / "missing.safetensors", self.folder / "x"), "missing")
        tensors = test_cli.random_network(self.folder, 2)
        del tensors["first_conv.bias"]
        broken = self.folder / "broken.safetensors"
        test_cli.write_safetensors(broken, tensors, test_cli.metadata_of(test_cli.CLASSES))
        self.refused(test_cli.trady("export", broken, self.folder / "x"), "missing: first_conv.bias")

    def test_report_is_one_page(self):
        run = self.weights.parent
        self.accepted(test_cli.trady("report", run))
        page = (run / "report.html").read_text()
        for part in ("<svg", "Confusion matrix", "layer1.0.conv1", "backward of linear", "test images are classified"):
            self.assertIn(part, page)
        self.assertNotIn("http", page)
        out = self.folder / "page.html"
        self.accepted(test_cli.trady("report", run, "--no-images", "--out", out))
        self.assertNotIn("Confusion", out.read_text())
        self.refused(test_cli.trady("report", self.folder / "no-run"), "run.json")
        self.refused(test_cli.trady("report", run, "--data", self.folder / "no-data"), "no-data")

    def test_unknown_mode_and_width(self):
        self.refused(test_cli.trady("plan", "--model", "resnet18", "--batch-norm", "melted"), "melted")
        self.refused(test_cli.trady("plan", "--model", "resnet18", "--width", 0.5), "leave --width out")
        self.refused(test_cli.trady("plan", "--model", "mobilenet_v2", "--width", 0), "--width")


if __name__ == "__main__":
    test_cli.TRADY = sys.argv.pop(1)
    unittest.main()
