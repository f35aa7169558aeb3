"""Every method that looks at the network or the images before it selects, from the command line.

Usage: test_cli_methods.py PATH_OF_TRADY [TEST...]. Needs neither real data nor packages, as test_cli.py.
"""
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import test_cli

BUDGET = 2000
METHODS = {
    "su": ["--scheme", "49kB"],
    "velocity": ["--scheme", "49kB"],
    "s-det-rgn": ["--budget", BUDGET],
    "d-det-rgn": ["--budget", BUDGET],
    "d-det-raw": ["--budget", BUDGET, "--pool", "all"],
}
SELECTS_ONCE = ["su", "s-det-rgn"]
EPOCHS = 3


class Methods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls._folder.name)
        cls.data = cls.folder / "data"
        test_cli.write_images(cls.data / "train", test_cli.CLASSES, count=20)
        test_cli.write_images(cls.data / "test", test_cli.CLASSES, count=2)
        cls.weights = cls.folder / "weights.safetensors"
        test_cli.write_safetensors(cls.weights, test_cli.random_network(cls.folder, 2),
                                   test_cli.metadata_of(test_cli.CLASSES))
        cls.runs = {}
        for method in METHODS:
            out = cls.folder / method
            result = test_cli.trady(*cls.finetune(cls, method, out))
            assert result.returncode == 0, result.stderr
            cls.runs[method] = (out, json.loads((out / "run.json").read_text()), result.stdout)

    @classmethod
    def tearDownClass(cls):
        cls._folder.cleanup()

    def finetune(self, method, out, *args, epochs=EPOCHS):
        return ["finetune", "--weights", self.weights, "--data", self.data, "--recipe", "light", "--batch", 8,
                "--lr", 0.003, "--epochs", epochs, "--warmup", 0, "--method", method, *METHODS[method], "--out",
                out, *args]

    def plan(self, method, *args):
        file = self.folder / "plan.json"
        result = test_cli.trady("plan", "--model", test_cli.MODEL, "--image-size", test_cli.IMAGE_SIZE, "--batch",
                                8, "--classes-count", 2, "--method", method, *METHODS[method], "--json", file,
                                *args)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(file.read_text()), result.stdout

    def refused(self, args, *expected):
        result = test_cli.trady(*args)
        self.assertGreater(result.returncode, 0, result.stdout)
        for text in expected:
            self.assertIn(text, result.stderr)

    def test_the_selection_is_kept_or_made_again_as_the_method_says(self):
        for method, (_, record, _) in self.runs.items():
            selections = [epoch["selection"] for epoch in record["epochs"]]
            for earlier, later in zip(selections, selections[1:]):
                self.assertEqual(earlier == later, method in SELECTS_ONCE, method)

    def test_the_budget_holds(self):
        for method, (_, record, _) in self.runs.items():
            for epoch in record["epochs"]:
                if method.endswith(("rgn", "raw")):
                    self.assertLessEqual(epoch["budget_used_elements"], BUDGET, method)
                    self.assertGreater(epoch["budget_used_elements"], BUDGET / 2, method)
        self.assertNotIn("budget_elements", self.runs["su"][1])
        velocity = self.runs["velocity"][1]
        self.assertEqual(velocity["budget_elements"], 22410)
        for epoch in velocity["epochs"]:
            self.assertLessEqual(epoch["budget_used_elements"], 22410)

    def test_only_what_is_selected_changes(self):
        import struct

        def tensors(path):
            data = path.read_bytes()
            (length,) = struct.unpack("<Q", data[:8])
            header = json.loads(data[8:8 + length])
            header.pop("__metadata__")
            return {name: (entry["shape"], struct.unpack(
                f"<{(entry['data_offsets'][1] - entry['data_offsets'][0]) // 4}f",
                data[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]]))
                for name, entry in header.items()}
        before = tensors(self.weights)
        for method, (out, record, _) in self.runs.items():
            inputs, outputs, biases = {}, {}, set()
            for epoch in record["epochs"]:
                for layer in epoch["selection"]:
                    side = outputs if layer.get("side") == "outputs" else inputs
                    side.setdefault(layer["name"], set()).update(layer["channels"])
                    if layer.get("bias"):
                        biases.add(layer["name"])
            changed_weights = set()
            for name, (shape, after) in tensors(out / "weights.safetensors").items():
                layer, kind = name.rsplit(".", 1)
                if layer == "classifier":
                    continue
                if kind == "bias":
                    self.assertEqual(after != before[name][1], layer in biases, (method, name))
                    continue
                taps = shape[2] * shape[3]
                for i, (old, new) in enumerate(zip(before[name][1], after)):
                    if old == new:
                        continue
                    o, c = i // (taps * shape[1]), i // taps % shape[1]
                    channel = o if shape[1] == 1 else c
                    self.assertTrue(o in outputs.get(layer, ()) or channel in inputs.get(layer, ()),
                                    (method, name, o, c))
                    changed_weights.add(layer)
            self.assertTrue(changed_weights, method)
            self.assertEqual(bool(biases), method == "su")
            self.assertEqual(bool(outputs), method == "velocity")

    def test_su_takes_the_channels_of_the_largest_weights(self):
        tensors = test_cli.random_network(self.folder, 2)
        first = self.runs["su"][1]["epochs"][0]["selection"]
        part = next(layer for layer in first if layer["conv"] == 42)  # 42:.125
        shape, values = tensors[part["name"] + ".weight"]
        squares = [sum(values[o * shape[1] + c] ** 2 for o in range(shape[0])) for c in range(shape[1])]
        largest = sorted(range(shape[1]), key=lambda c: -squares[c])[:shape[1] // 8]
        self.assertEqual(part["channels"], sorted(largest))
        self.assertEqual(sum(bool(layer.get("bias")) for layer in first), 16)

    def test_what_looking_takes_is_measured_and_told(self):
        for method, (_, record, text) in self.runs.items():
            for epoch in record["epochs"]:
                selecting = epoch["selecting"]
                if "det" in method and (epoch["epoch"] == 0 or method not in SELECTS_ONCE):
                    self.assertGreater(selecting["reserved_bytes"], epoch["memory"]["reserved_bytes"])
                    self.assertEqual(selecting["steps"], epoch["steps"])
                elif method == "velocity":
                    self.assertEqual(selecting["images"], 10)
                    self.assertGreater(selecting["reserved_bytes"], 0)
                else:
                    self.assertIsNone(selecting, method)
            if "det" in method:
                self.assertIn("selecting by the whole gradient reserved "
                              f"{record['epochs'][0]['selecting']['reserved_bytes']} bytes", text)
        self.assertEqual(self.runs["velocity"][1]["inputs"]["held_out_images"], 10)
        self.assertEqual(self.runs["velocity"][1]["epochs"][0]["steps"], (2 * 20 - 10) // 8)

    def test_the_number_of_threads_changes_no_byte(self):
        for method, (out, _, _) in self.runs.items():
            again = self.folder / f"{method}-one-thread"
            result = test_cli.trady(*self.finetune(method, again, "--threads", 1))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual((again / "weights.safetensors").read_bytes(),
                             (out / "weights.safetensors").read_bytes(), method)

    def test_a_killed_run_resumes_to_the_same_bytes(self):
        for method, (out, _, _) in self.runs.items():
            killed = self.folder / f"{method}-killed"
            args = self.finetune(method, killed)
            process = subprocess.Popen([test_cli.TRADY, *map(str, args)], stdout=subprocess.DEVNULL)
            deadline = time.monotonic() + 120
            while not (killed / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.wait()
            result = test_cli.trady(*args, "--resume")
            self.assertEqual(result.returncode, 0, result.stderr)
            record = json.loads((killed / "run.json").read_text())
            self.assertIn(record["resumed"][0]["epochs_done"], range(1, EPOCHS), method)
            self.assertEqual((killed / "weights.safetensors").read_bytes(),
                             (out / "weights.safetensors").read_bytes(), method)

    def test_plan_shows_costs_bounds_and_what_selecting_takes(self):
        for method, (_, record, _) in self.runs.items():
            plan, text = self.plan(method)
            self.assertEqual(plan["method"], method)
            for epoch in record["epochs"]:
                self.assertLessEqual(epoch["memory"]["reserved_bytes"], plan["peak_bound_bytes"], method)
                if "det" in method and epoch["selecting"]:
                    self.assertEqual(epoch["selecting"]["reserved_bytes"], plan["selecting_bytes"], method)
            if "det" in method:
                self.assertIn("selecting by the whole gradient", text)
            self.assertIn("weights" if method == "su" else "stands for it", text)
        plan, _ = self.plan("su")
        self.assertEqual(plan["selection_elements"]["weights"], 22410)
        self.assertEqual(sum(layer["bias"] for layer in plan["layers"]), 16)

    def test_what_selects_by_the_gradient_starts_as_carefully_as_what_moves_every_layer(self):
        for method, rate in (("d-det-raw", 0.01), ("velocity", 0.03)):
            out = self.folder / f"{method}-rate"
            args = self.finetune(method, out, epochs=1)
            at = args.index("--lr")
            result = test_cli.trady(*args[:at], *args[at + 2:])
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(json.loads((out / "run.json").read_text())["settings"]["learning_rate"], rate)

    def test_options_that_make_no_sense_are_refused(self):
        nowhere = self.folder / "nowhere"
        plan = ["plan", "--model", test_cli.MODEL]
        self.refused([*plan, "--method", "su", "--budget", "2%"], "not budgeted")
        self.refused([*plan, "--method", "su", "--scheme", "50kB"], "50kB", "did you mean", "49kB")
        self.refused([*plan, "--method", "trady", "--budget", "2%", "--scheme", "49kB"], "--scheme")
        self.refused([*plan, "--method", "velocity", "--budget", 2000, "--scheme", "49kB"], "exclude")
        self.refused([*plan, "--method", "d-det-rgn"], "--budget")
        self.refused([*plan, "--method", "su", "--momentum", 0.9], "--momentum")
        self.refused(self.finetune("velocity", nowhere, "--val-split", 0.9), "held out")
        steps, _ = self.plan("d-det-rgn")
        limit = f"{steps['peak_bound_bytes']}B"
        self.refused(self.finetune("d-det-rgn", nowhere, "--memory-limit", limit, "--threads", 1),
                     "pass over the training set", "--memory-limit")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not pathlib.Path(sys.argv[1]).exists():
        sys.exit("usage: test_cli_methods.py PATH_OF_TRADY [TEST...]")
    test_cli.TRADY = sys.argv.pop(1)
    unittest.main()
