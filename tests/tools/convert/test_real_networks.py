"""tools/convert_checkpoint.py on published files, where they are at hand."""

import json
import os
import pathlib
import struct
import unittest

from converter_test import REPOSITORY, ConverterTest, read_safetensors


class RealNetworks(ConverterTest):
    def source_file(self, name):
        roots = [REPOSITORY.parent / "shared" / "data"]
        if os.environ.get("TRADY_DATA"):
            roots.insert(0, pathlib.Path(os.environ["TRADY_DATA"]))
        found = [root / "weights" / name for root in roots if (root / "weights" / name).exists()]
        if not found:
            self.skipTest(f"SKIP: no weights/{name} in $TRADY_DATA or ../shared/data")
        return found[0]

    def test_int8_networks_of_tiny_training(self):
        for model in ("mbv2-w0.35", "mcunet-5fps", "proxyless-w0.3"):
            with self.subTest(model):
                self.source = self.source_file(f"{model}.pkl")
                status, output = self.run_tool()
                self.assertEqual(status, 0, output)
                self.assertIn(f"{model}, ", output)
                tensors, metadata = read_safetensors(self.target)
                self.assertEqual(metadata["model"], model)
                self.assertEqual(len(json.loads(metadata["class_names"])), 1000)
                self.assertEqual(tensors["classifier.weight"][0][0], 1000)
                self.target.unlink()
                self.assert_refused("mcunet", options=["--model", self.another_than(model)])

    @staticmethod
    def another_than(model):
        return "mcunet-5fps" if model != "mcunet-5fps" else "mbv2-w0.35"

    def test_resnets_for_cifar(self):
        for model, tensor_count, parameters in (
            ("resnet20", 97, 269_722),
            ("resnet56", 277, 853_018),
        ):
            with self.subTest(model):
                self.source = self.source_file(f"{model}-cifar10.th")
                status, output = self.run_tool()
                self.assertEqual(status, 0, output)
                self.assertIn(
                    f"{model}, {tensor_count} tensors, {parameters} parameters, 10", output
                )
                tensors, metadata = read_safetensors(self.target)
                self.assertEqual(metadata["model"], model)
                self.assertEqual(metadata["image_size"], "32")
                # Every value stands somewhere in the old file, in one piece.
                content = self.source.read_bytes()
                for name, (_, values) in tensors.items():
                    self.assertIn(struct.pack(f"<{len(values)}f", *values), content, name)
                variances = [v for n, (_, v) in tensors.items() if n.endswith("running_var")]
                self.assertGreater(min(map(min, variances)), 0)


if __name__ == "__main__":
    unittest.main()
