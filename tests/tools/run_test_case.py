"""What tests of `trady finetune` share: two classes of pictures, weights of a small network, and what
a run leaves behind."""
import json
import pathlib
import tempfile
import unittest

import test_cli


class RunTestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls._folder.name)
        cls.data = cls.folder / "data"
        test_cli.write_images(cls.data / "train", test_cli.CLASSES, 40)
        test_cli.write_images(cls.data / "test", test_cli.CLASSES, 2)
        cls.weights = cls.folder / "weights.safetensors"
        test_cli.write_safetensors(cls.weights, test_cli.random_network(cls.folder, 2),
                                   test_cli.metadata_of(test_cli.CLASSES))

    @classmethod
    def tearDownClass(cls):
        cls._folder.cleanup()

    def run_trady(self, *args):
        result = test_cli.trady("finetune", *args)
        self.assertEqual(result.returncode, 0, f"{args}\n{result.stdout}{result.stderr}")
        return result

    def refused(self, args, *expected, command="finetune"):
        result = test_cli.trady(command, *args)
        self.assertGreater(result.returncode, 0, f"{args}\n{result.stdout}")
        self.assertNotIn("json.exception.type", result.stderr)
        for text in expected:
            self.assertIn(str(text), result.stderr)

    def options(self, *args, epochs=2, batch=2):
        return ["--weights", self.weights, "--data", self.data, "--batch", batch, "--epochs", epochs,
                "--warmup", 0, "--lr", 0.01, *args]

    def bytes_of(self, out):
        return (out / "weights.safetensors").read_bytes()

    def record(self, out):
        return json.loads((out / "run.json").read_text())

    def written(self, name, text):
        file = self.folder / name
        file.write_text(text if isinstance(text, str) else json.dumps(text))
        return file
