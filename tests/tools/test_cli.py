"""The command line as users meet it: help that shows examples, and errors that name what is wrong.

Usage: test_cli.py PATH_OF_TRADY [--device DEVICE] [TEST...]. With a device, every command that
takes one runs there, and what it gives is held against the CPU's. Needs neither real data nor packages: networks are written from
what `trady plan` says of their shapes, images are PPM files.
"""
import fcntl
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

TRADY = ""
DEVICE = None
DEVICE_COMMANDS = ("finetune", "rank", "eval", "predict")
COMMANDS = ["finetune", "compare", "plan", "rank", "eval", "predict", "inspect", "export", "report"]
MODEL = "mbv2-w0.35"
IMAGE_SIZE = 32
CLASSES = ["ant", "bee"]


def trady(*args):
    """The finished process; a run that hangs fails."""
    if DEVICE and args[0] in DEVICE_COMMANDS and "--device" not in args:
        args = (*args, "--device", DEVICE)
    return subprocess.run([TRADY, *map(str, args)], capture_output=True, text=True, timeout=240)


def write_safetensors(path, tensors, metadata):
    """`tensors`: name -> (shape, floats)."""
    header, data = {"__metadata__": metadata}, b""
    for name, (shape, values) in sorted(tensors.items()):
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def random_network(folder, classes):
    """Tensors of MODEL with a classifier of `classes` outputs."""
    plan = folder / "plan.json"
    result = trady("plan", "--model", MODEL, "--image-size", IMAGE_SIZE, "--method", "head",
                   "--device", "null", "--json", plan)
    assert result.returncode == 0, result.stderr
    numbers = random.Random(0)
    tensors = {}
    layers = json.loads(plan.read_text())["layers"]
    for layer in layers:
        outputs, kernel = layer["out"][2], layer["kernel"]
        inputs = 1 if layer["depthwise"] else layer["in"][2]
        deviation = (2 / (inputs * kernel * kernel)) ** 0.5
        count = outputs * inputs * kernel * kernel
        tensors[layer["name"] + ".weight"] = (
            [outputs, inputs, kernel, kernel], [numbers.gauss(0, deviation) for _ in range(count)])
        tensors[layer["name"] + ".bias"] = ([outputs], [0.0] * outputs)
    features = layers[-1]["out"][2]
    tensors["classifier.weight"] = (
        [classes, features], [numbers.gauss(0, 0.1) for _ in range(classes * features)])
    tensors["classifier.bias"] = ([classes], [0.0] * classes)
    return tensors


def metadata_of(class_names):
    return {"format": "trady", "format_version": "1", "model": MODEL, "batch_norm": "folded",
            "image_size": str(IMAGE_SIZE), "class_names": json.dumps(class_names)}


def write_image(path, grey):
    pixels = bytes((grey + 3 * i) % 256 for i in range(40 * 40 * 3))
    path.write_bytes(b"P6\n40 40\n255\n" + pixels)


def write_images(folder, class_names, count=8):
    for index, name in enumerate(class_names):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            write_image(folder / name / f"{i}.ppm", 100 * index + i)


class CommandLine(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls._folder.name)
        tensors = cls.tensors = random_network(cls.folder, len(CLASSES))
        cls.weights = cls.folder / "weights.safetensors"
        write_safetensors(cls.weights, tensors, metadata_of(CLASSES))
        cls.swapped = cls.folder / "swapped.safetensors"
        write_safetensors(cls.swapped, tensors, metadata_of(CLASSES[::-1]))

        shape, values = tensors["blocks.3.expand.weight"]
        with_nan = dict(tensors)
        with_nan["blocks.3.expand.weight"] = (shape, [float("nan")] + values[1:])
        cls.nan = cls.folder / "nan.safetensors"
        write_safetensors(cls.nan, with_nan, metadata_of(CLASSES))
        lacking = {k: v for k, v in tensors.items() if k != "first_conv.bias"}
        cls.lacking = cls.folder / "lacking.safetensors"
        write_safetensors(cls.lacking, lacking, metadata_of(CLASSES))
        cls.truncated = cls.folder / "truncated.safetensors"
        cls.truncated.write_bytes(cls.weights.read_bytes()[:-100])

        cls.data = cls.folder / "data"
        for split in ("train", "test"):
            write_images(cls.data / split, CLASSES)
        cls.image = cls.data / "test" / "ant" / "0.ppm"

    @classmethod
    def tearDownClass(cls):
        cls._folder.cleanup()

    def refused(self, args, *expected):
        """`args` must fail cleanly with every text of `expected` in the message."""
        result = trady(*args)
        message = result.stderr
        # A negative status is a signal: an abort, not an answer.
        self.assertGreater(result.returncode, 0, f"{args}: {result.returncode}\n{result.stdout}")
        for bad in ("terminate called", "Sanitizer", "what():"):
            self.assertNotIn(bad, message)
        for text in expected:
            self.assertIn(str(text), message)

    def accepted(self, *args):
        result = trady(*args)
        self.assertEqual(result.returncode, 0, f"{args}\n{result.stdout}{result.stderr}")
        return result

    def plan(self, *args):
        return ["plan", "--model", MODEL, "--image-size", IMAGE_SIZE, *args]

    def finetune(self, *args, data=None, weights=None, batch=8, epochs=1):
        return ["finetune", "--weights", weights or self.weights, "--data", data or self.data,
                "--batch", batch, "--epochs", epochs, "--warmup", 0, *args]

    # Help.

    def test_help_of_every_command_has_an_example(self):
        for command in COMMANDS:
            text = self.accepted(command, "--help").stdout
            self.assertRegex(text, "Examples?:", command)
            self.assertIn(f"trady {command} ", text, command)

    def test_help_lists_the_commands(self):
        text = self.accepted("--help").stdout
        for command in COMMANDS:
            self.assertIn(command, text)

    def test_help_wins_over_what_is_wrong_beside_it(self):
        for wrong in (["--config", self.folder / "nowhere.json"], ["--epochs", "many"]):
            for line in (["--help", *wrong], [*wrong, "--help"]):
                self.assertIn("Examples:", self.accepted("finetune", *line).stdout, line)
            self.refused(["finetune", *wrong], wrong[0] if wrong[0] == "--epochs" else wrong[1])

    # Devices.

    def test_a_gpu_that_cannot_be_used_is_refused_with_what_to_do(self):
        hidden = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        command = list(map(str, [TRADY, *self.finetune("--out", self.folder / "x")]))
        if not DEVICE:
            result = subprocess.run([*command, "--device", "cuda"], env=hidden,
                                    capture_output=True, text=True, timeout=120)
            self.assertEqual(result.returncode, 1)
            self.assertIn("[cuda]", result.stderr)
            self.assertIn("--device cpu", result.stderr)
        self.refused([*command[1:], "--device", "cuda:first"], "'first' is not the number of a GPU")
        self.refused([*command[1:], "--device", "cuda:77"], "[cuda]", "--device cpu")
        self.refused([*command[1:], "--device", "cudo"], "did you mean", "cuda")
        self.refused([*command[1:], "--device", "cuda", "--precision", "fp16"], "tf32, fp32")

    def test_auto_says_which_device_it_took(self):
        result = self.accepted("eval", "--weights", self.weights, "--data", self.data,
                               "--device", "auto")
        note = next(line for line in result.stderr.splitlines() if "--device auto runs on the " in line)
        reason = note.split(": ", 2)[-1]
        if "runs on the CPU" in note:  # because of what keeps the GPU from being used
            self.assertRegex(reason, r"\[cuda\].*(no GPU|built without CUDA|driver|cudaError|compute capability)")
        else:
            self.assertRegex(reason, "compute capability|sm_|GPU|host")

    def test_the_device_trains_as_the_cpu_does(self):
        if not DEVICE:
            self.skipTest("no other device")
        losses = {}
        for device in ("cpu", DEVICE):
            out = self.folder / f"on-{device}"
            args = self.finetune("--budget", "10%", "--lr", 0.01, "--device", device,
                                 "--precision", "fp32", "--out", out, epochs=2)
            self.accepted(*args)
            record = json.loads((out / "run.json").read_text())
            losses[device] = [x["loss"] for x in [record["before"]["test"], *record["epochs"]]]
            self.refused([*args, "--resume", "--precision", "tf32"], "precision")
        for on_cpu, on_device in zip(*losses.values()):
            self.assertAlmostEqual(on_cpu, on_device, delta=1e-3 * on_cpu)

    # Good input.

    def test_plan_tells_costs_and_memory(self):
        file = self.folder / "budget.json"
        text = self.accepted(*self.plan("--budget", "2%", "--json", file)).stdout
        self.assertIn("saved for backward", text)
        plan = json.loads(file.read_text())
        self.assertEqual(len(plan["layers"]), 51)
        self.assertLessEqual(plan["selection_elements"]["total"], plan["budget_elements"])
        spent = sum(layer["selected_elements"]["total"] for layer in plan["layers"])
        self.assertEqual(spent, plan["selection_elements"]["total"])
        self.assertTrue(plan["isa"])
        for layer in plan["layers"]:
            self.assertTrue(layer["in_pool"] or layer["selected"] == 0)

    def test_eval_maps_classes_by_name(self):
        def correct(weights):
            file = self.folder / "eval.json"
            self.accepted("eval", "--weights", weights, "--data", self.data, "--json", file)
            return json.loads(file.read_text())["correct"]
        self.assertEqual(correct(self.weights) + correct(self.swapped), 16)

    def test_eval_says_where_classes_are_not_matched_by_name(self):
        numbered = self.folder / "numbered.safetensors"
        write_safetensors(numbered, self.tensors, metadata_of(["0", "1"]))
        for folder, weights, names, note in (
                ("padded", numbered, ["00", "01"], "matched as numbers"),
                ("other", self.weights, ["cat", "dog"], "matched by order")):
            write_images(self.folder / folder / "val", names, count=2)
            result = self.accepted("eval", "--weights", weights, "--data", self.folder / folder)
            self.assertIn(note, result.stderr)
            self.assertIn("no test split", result.stderr)

    def test_predict_goes_on_after_a_corrupt_image(self):
        corrupt = self.folder / "corrupt.jpg"
        corrupt.write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 50)
        empty = self.folder / "empty.ppm"
        empty.write_bytes(b"P6\n0 0\n255\n")
        result = trady("predict", self.weights, corrupt, empty, self.image)
        self.assertEqual(result.returncode, 1)
        self.assertIn("corrupt.jpg", result.stderr)
        self.assertIn("empty.ppm", result.stderr)
        self.assertIn(str(self.image), result.stdout)
        self.assertIn("ant", result.stdout)

    def test_rank_writes_a_pool_file_that_plan_reads(self):
        file = self.folder / "ranking.json"
        text = self.accepted("rank", "--weights", self.weights, "--data", self.data, "--epochs",
                             1, "--warmup", 0, "--batch", 8, "--lr", 0.001, "--out", file).stdout
        self.assertIn("Spearman", text)
        self.assertIn("trady rank", json.loads(file.read_text())["command"])
        self.assertIn(" on data (image folder), 16 training images", json.loads(file.read_text())["source"])
        self.accepted(*self.plan("--budget", "2%", "--pool", file))
        self.assertIn(MODEL, self.accepted("inspect", file).stdout)

    def test_the_command_in_a_ranking_repeats_it(self):
        file = self.folder / "a ranking's.json"
        self.accepted("rank", "--weights", self.weights, "--data", self.data, "--epochs", 1, "--warmup", 0,
                      "--batch", 8, "--lr", 0.001, "--recipe", "light", "--batch-norm", "train",
                      "--calibrate-bn=16", "--clip-norm", 1 / 3, "--out", file)
        first = json.loads(file.read_text())
        program, *args = shlex.split(first["command"])
        self.assertEqual(program, "trady")
        file.unlink()
        self.accepted(*args)
        self.assertEqual(json.loads(file.read_text()), first)

    def test_finetune_leaves_files_that_the_others_read(self):
        out = self.folder / "run"
        self.accepted(*self.finetune("--method", "head", "--out", out))
        self.assertIn("1 of 1 epochs", self.accepted("inspect", out / "run.json").stdout)
        self.accepted("eval", "--weights", out / "weights.safetensors", "--data", self.data)
        self.refused(self.finetune("--method", "head", "--out", out), out, "--resume")
        self.refused(self.finetune("--method", "head", "--out", out, "--resume", "--lr", 0.5),
                     "learning_rate", "another --out")

    def run_of(self, *args, **kwargs):
        """The record of a finished fine-tuning of one epoch, and what it printed."""
        out = self.folder / f"run{len(list(self.folder.iterdir()))}"
        result = self.accepted(*self.finetune("--method", "head", "--out", out, *args, **kwargs))
        return json.loads((out / "run.json").read_text()), result

    def test_finetune_keeps_a_classifier_for_its_own_classes_alone(self):
        record, result = self.run_of()
        self.assertFalse(record["network"]["new_head"])
        # The same classes in another order: the old classifier, with the data's labels changed.
        swapped, _ = self.run_of(weights=self.swapped)
        self.assertFalse(swapped["network"]["new_head"])
        self.assertAlmostEqual(
            record["before"]["test"]["accuracy"] + swapped["before"]["test"]["accuracy"], 1)
        others = self.folder / "others"
        for split in ("train", "test"):
            write_images(others / split, ["cat", "dog"])
        record, result = self.run_of(data=others)
        self.assertTrue(record["network"]["new_head"])
        self.assertIn("new classifier", result.stderr)
        record, result = self.run_of("--keep-head", data=others)
        self.assertFalse(record["network"]["new_head"])
        self.assertIn("by order", result.stderr)
        record, _ = self.run_of("--new-head")
        self.assertTrue(record["network"]["new_head"])
        self.refused(self.finetune("--out", self.folder / "x", "--keep-head", "--new-head"),
                     "--keep-head")

    def test_a_run_records_where_it_ran_and_what_its_input_took(self):
        record, _ = self.run_of("--threads", 1, "--cache", "1MiB", "--memory-limit", "64MiB")
        environment = record["environment"]
        self.assertEqual((environment["threads"], environment["cache"],
                          environment["memory_limit"]), (1, "1MiB", "64MiB"))
        for library in ("oneDNN", "zlib"):
            self.assertIn(library, environment["build"])
        epoch = record["epochs"][0]
        self.assertGreater(epoch["input_pipeline_bytes"], 8 * 3 * IMAGE_SIZE * IMAGE_SIZE)
        self.assertEqual(epoch["grad_weight_saved"], 1)  # of the convs, which head never updates

    def test_resuming_with_another_micro_batch_is_refused(self):
        out = self.folder / "micro"
        args = self.finetune("--method", "head", "--out", out)
        self.accepted(*args, "--micro-batch", 4)
        self.accepted(*args, "--resume")
        self.accepted(*args, "--resume", "--micro-batch", 4)
        self.refused([*args, "--resume", "--micro-batch", 8], "--micro-batch 8", "started with 4")

    def test_resuming_notices_what_changed_behind_the_same_names(self):
        data = self.folder / "changing"
        for split in ("train", "test"):
            write_images(data / split, CLASSES)
        weights = self.folder / "changing.safetensors"
        weights.write_bytes(self.weights.read_bytes())
        pool = self.folder / "changing.json"
        self.accepted("rank", "--weights", weights, "--data", data, "--epochs", 1, "--warmup", 0,
                      "--batch", 8, "--lr", 0.001, "--out", pool)
        args = self.finetune("--method", "trady", "--budget", "2%", "--pool", pool, "--out",
                             self.folder / "changing-run", data=data, weights=weights)
        self.accepted(*args)
        resumed = [*args, "--resume"]
        self.accepted(*resumed)

        write_safetensors(weights, self.tensors, metadata_of(CLASSES) | {"note": "another"})
        self.refused(resumed, "has changed since", "weights_fingerprint")
        weights.write_bytes(self.weights.read_bytes())

        ranking = pool.read_text()
        changed = json.loads(ranking)
        changed["k"] -= 1
        pool.write_text(json.dumps(changed))
        self.refused(resumed, "has changed since", "pool")
        pool.write_text(ranking)

        write_image(data / "train" / "ant" / "more.ppm", 7)
        self.refused(resumed, "training_images: was 16, now 17")
        (data / "train" / "ant" / "more.ppm").unlink()
        for split in ("train", "test"):
            (data / split / "ant").rename(data / split / "cow")
        self.refused(resumed, 'class_names[0]: was "ant", now "bee"')
        for split in ("train", "test"):
            (data / split / "cow").rename(data / split / "ant")
        self.accepted(*resumed)

    def test_results_and_pretrained_weights_are_never_replaced(self):
        out = self.folder / "precious"
        args = self.finetune("--method", "head", "--out", out)
        self.accepted(*args)
        (out / "checkpoint.safetensors").unlink()
        before = {f.name: f.read_bytes() for f in out.iterdir()}
        self.refused(args, out, "run.json", "another --out")
        self.refused([*args, "--resume"], out, "run.json")
        (out / "run.json").unlink()
        self.refused(args, "weights.safetensors")
        before.pop("run.json")
        own = out / "weights.safetensors"
        self.refused(self.finetune("--method", "head", "--out", out, weights=own),
                     "would replace --weights", own)
        outputs = (["rank", "--weights", own, "--data", self.data, "--out", own],
                   ["eval", "--weights", own, "--data", self.data, "--json", own],
                   ["plan", "--weights", own, "--method", "head", "--json", own])
        for command in outputs:
            self.refused(command, "would replace what is read from", own)
        picture = shutil.copy(self.image, self.folder / "precious.ppm")
        shown = next((self.data / "test").rglob("*.*"))
        ranking = self.folder / "precious.json"
        self.accepted("rank", "--weights", self.weights, "--data", self.data, "--epochs", 1, "--warmup", 0,
                      "--batch", 8, "--out", ranking)
        kept = [pathlib.Path(picture), shown, ranking]
        before_them = [f.read_bytes() for f in kept]
        for command in (["predict", self.weights, picture, "--json", picture],
                        ["eval", "--weights", self.weights, "--data", self.data, "--json", shown],
                        ["rank", "--weights", self.weights, "--data", self.data, "--out", shown],
                        self.plan("--budget", "2%", "--pool", ranking, "--json", ranking)):
            self.refused(command, "would replace what is read from", "choose another file")
        self.assertEqual(before_them, [f.read_bytes() for f in kept])
        self.assertEqual(before, {f.name: f.read_bytes() for f in out.iterdir()})

    def test_one_process_writes_to_a_folder(self):
        out = self.folder / "busy"
        out.mkdir()
        with open(out / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused(self.finetune("--method", "head", "--out", out), out,
                         "another trady is writing here")
        self.accepted(*self.finetune("--method", "head", "--out", out))

    def test_paths_that_are_not_utf8_do_not_stop_a_run(self):
        data = os.fsencode(self.folder) + b"/caf\xe9"
        os.symlink(self.data, data)
        out = self.folder / "latin1"
        args = [os.fsencode(str(a)) for a in
                self.finetune("--method", "head", "--out", out, data="DATA")]
        args[args.index(b"DATA")] = data
        for extra in ([], [b"--resume"]):
            result = subprocess.run([os.fsencode(TRADY), *args, *extra], capture_output=True,
                                    timeout=120)
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("caf", json.loads((out / "run.json").read_text())["settings"]["data"])
        self.accepted("compare", out)

    def test_compare_shows_memory_that_adds_up(self):
        out = self.folder / "compared"
        self.accepted(*self.finetune("--method", "full", "--out", out))
        lines = self.accepted("compare", out).stdout.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("KiB"))
        rows = {line.rsplit(None, 1)[0].strip(): float(line.split()[-1])
                for line in lines[start + 1:] if line.strip()}
        live, gaps, reserved = rows.pop("live"), rows.pop("alignment and gaps"), \
            rows.pop("reserved")
        self.assertAlmostEqual(sum(rows.values()), live, delta=0.1 * len(rows))
        self.assertAlmostEqual(live + gaps, reserved, delta=0.2)

    def test_compare_refuses_damaged_records_before_it_prints(self):
        out = self.folder / "damaged-record"
        self.accepted(*self.finetune("--method", "head", "--out", out))
        good = json.loads((out / "run.json").read_text())
        self.assertNotIn("budget_elements", good)
        self.accepted("compare", out)
        bad = self.folder / "damaged-copy"
        bad.mkdir()

        def damage(change):
            record = json.loads(json.dumps(good))
            change(record)
            (bad / "run.json").write_text(json.dumps(record))
        for change, field in (
                (lambda r: r["environment"].update(micro_batch=0), "/environment/micro_batch"),
                (lambda r: r["epochs"][0].pop("loss"), "/epochs/0/loss"),
                (lambda r: r.update(epochs=[1]), "/epochs/0"),
                (lambda r: r["epochs"][0].update(test={}), "/epochs/0/test/accuracy"),
                (lambda r: r["settings"].update(method=5), "/settings/method")):
            damage(change)
            self.refused(["compare", out, bad], bad / "run.json", field)
            self.assertEqual(trady("compare", out, bad).stdout, "")
            self.refused(["inspect", bad / "run.json"], field)
        damage(lambda r: r.update(format_version=2))
        self.refused(["compare", bad], "newer trady")
        (bad / "run.json").unlink()
        os.mkfifo(bad / "run.json")
        self.refused(["compare", bad], "not a regular file")

    def test_plan_counts_momentum(self):
        def reserved(*args):
            file = self.folder / "momentum.json"
            self.accepted(*self.plan("--method", "full", "--json", file, *args))
            return json.loads(file.read_text())["memory"]["reserved_bytes"]
        self.assertGreater(reserved("--momentum", 0.9), reserved() + 900000)
        self.refused(self.plan("--budget", "2%", "--momentum", 0.9), "--momentum")

    def test_ctrl_c_ends_predict_at_once(self):
        process = subprocess.Popen([TRADY, "predict", self.weights] + [self.image] * 20000,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.close()
        self.assertEqual(process.wait(timeout=20), -signal.SIGINT)

    def test_inspect_counts_nan(self):
        lines = self.accepted("inspect", self.nan).stdout.splitlines()
        row = next(line for line in lines if line.startswith("blocks.3.expand.weight"))
        self.assertEqual(row.split()[-2:], ["1", "0"])

    # Bad input: names.

    def test_unknown_names(self):
        self.refused(["plan", "--model", "mbv2-w0.53", "--method", "head"], "mbv2-w0.53",
                     "did you mean", MODEL)
        self.refused(self.plan("--method", "tradi"), "tradi", "did you mean", "trady")
        self.refused(self.plan("--method", "head", "--device", "cpp"), "cpp", "did you mean")
        self.refused(["eval", "--weights", self.weights, "--data", self.data, "--split", "tst"],
                     "tst", "did you mean", "test")
        self.refused(["eval", "--weights", self.weights, "--data", self.data, "--recipe",
                      "standart"], "standart", "standard")
        self.refused(self.finetune("--out", self.folder / "x", "--method", "haed"), "haed",
                     "did you mean", "head")

    def test_mistyped_options(self):
        self.refused(self.plan("--bugdet", "2%"), "--bugdet", 'did you mean "--budget"')
        self.refused(self.plan("--bugdet=2%"), 'did you mean "--budget"')
        # Even where the option that was meant is required.
        self.refused(self.finetune("--otu", self.folder / "x"), 'did you mean "--out"')
        self.refused(["--versoin"], 'did you mean "--version"')
        self.assertNotIn("did you mean", trady(*self.plan("--xyzzy-plugh-abc", 1)).stderr)

    def test_missing_options(self):
        self.refused([], "subcommand")
        self.refused(["plan", "--method", "head"], "--model", "--weights")
        self.refused(["eval", "--data", self.data], "--weights")
        self.refused(["eval", "--weights", self.weights], "--data")
        self.refused(["predict", self.weights], "images")
        self.refused(["rank", "--weights", self.weights, "--data", self.data], "--out")
        self.refused(self.finetune(), "--out")

    # Bad input: files.

    def test_missing_files(self):
        missing = self.folder / "missing.safetensors"
        for args in (["inspect", missing], ["predict", missing, self.image],
                     ["eval", "--weights", missing, "--data", self.data],
                     ["plan", "--weights", missing, "--method", "head"],
                     self.finetune("--method", "head", "--out", self.folder / "x",
                                   weights=missing)):
            self.refused(args, missing)
        nowhere = self.folder / "nowhere"
        self.refused(["eval", "--weights", self.weights, "--data", nowhere], nowhere)
        self.refused(["rank", "--weights", self.weights, "--data", nowhere, "--out",
                      self.folder / "r.json"], nowhere)
        self.refused(["predict", self.weights, nowhere], nowhere)
        self.refused(self.plan("--budget", "2%", "--pool", nowhere), nowhere)

    def test_damaged_weights(self):
        for args in (["inspect", self.truncated], ["predict", self.truncated, self.image],
                     ["plan", "--weights", self.truncated, "--method", "head"]):
            self.refused(args, self.truncated)
        for args in (["predict", self.nan, self.image],
                     ["eval", "--weights", self.nan, "--data", self.data],
                     self.finetune("--method", "head", "--out", self.folder / "x",
                                   weights=self.nan)):
            self.refused(args, self.nan, "blocks.3.expand.weight")
        self.refused(["predict", self.lacking, self.image], "first_conv.bias")
        noise = self.folder / "noise.safetensors"
        noise.write_bytes(bytes(range(256)) * 4)
        self.refused(["inspect", noise], noise)

    def test_files_of_another_kind(self):
        pickle = self.folder / "network.pkl"
        pickle.write_bytes(b"PK\x03\x04" + b"\0" * 60)
        self.refused(["inspect", pickle], "convert_checkpoint.py")
        empty = self.folder / "empty.json"
        empty.write_bytes(b"")
        self.refused(["inspect", empty], empty)
        for name, text in (("cut.json", '{"format": "trady run", "epochs'), ("list.json", "[1, 2]"),
                           ("damaged.json", '{"format": "trady run", "settings": 3}'),
                           ("ranking.json", '{"descending_rgn": [0, 0]}')):
            file = self.folder / ("bad-" + name)
            file.write_text(text)
            self.refused(["inspect", file], file)
        self.refused(self.plan("--budget", "2%", "--pool", self.folder / "bad-ranking.json"),
                     "bad-ranking.json")
        self.refused(["inspect", self.folder], self.folder)

    def test_pipes_and_devices_are_not_read(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for file in (pipe, "/dev/zero"):
            self.refused(self.plan("--budget", "2%", "--pool", file), file, "not a regular file")
            self.refused(["inspect", file], file)
            self.refused(["plan", "--weights", file, "--method", "head"], file)
            self.refused(["predict", self.weights, file], file)

    def test_files_do_not_command_the_terminal(self):
        escape = "\x1b[31mred\x1b[0m\x9b"
        network = self.folder / "escape.safetensors"
        named = dict(self.tensors) | {escape: ([1], [0.0])}
        write_safetensors(network, named, metadata_of([escape, "bee"]))
        outputs = [trady("predict", network, self.image), trady("inspect", network),
                   trady("eval", "--weights", network, "--data", self.data)]
        write_safetensors(network, self.tensors, metadata_of(CLASSES) | {"model": escape})
        outputs += [trady("predict", network, self.image), trady("inspect", network)]
        self.assertIn(str(network), outputs[-2].stderr)  # says where the name stands
        write_safetensors(network, self.tensors, metadata_of([escape, "bee"]))
        outputs += [trady("predict", network, self.image),
                    trady("eval", "--weights", network, "--data", self.data)]
        for result in outputs:
            for text in (result.stdout, result.stderr):
                self.assertNotIn("\x1b", text)
                self.assertNotIn("\x9b", text)
                self.assertNotIn("Traceback", text)
        self.assertIn("?[31mred", "".join(r.stdout + r.stderr for r in outputs))

    def test_output_that_cannot_be_written_is_no_success(self):
        for args in (self.plan("--method", "head"), ["predict", self.weights, self.image],
                     ["--help"], ["inspect", self.weights]):
            with open("/dev/full", "w") as full:
                result = subprocess.run([TRADY, *map(str, args)], stdout=full, text=True,
                                        stderr=subprocess.PIPE, timeout=120)
            self.assertEqual(result.returncode, 1, args)
            self.assertIn("standard output", result.stderr)

    def test_outputs_that_cannot_be_written(self):
        nowhere = self.folder / "no" / "folder.json"
        self.refused(self.plan("--method", "head", "--json", nowhere), "--json", nowhere)
        self.refused(["eval", "--weights", self.weights, "--data", self.data, "--json", nowhere],
                     "--json", nowhere)
        self.refused(["rank", "--weights", self.weights, "--data", self.data, "--out", nowhere],
                     "--out", nowhere)
        self.refused(["rank", "--weights", self.weights, "--data", self.data, "--out",
                      self.folder], self.folder)
        in_a_file = self.image / "run"
        self.refused(self.finetune("--method", "head", "--out", in_a_file), "--out", in_a_file)

    # Bad input: numbers.

    def test_budgets(self):
        self.refused(self.plan("--budget", 3), "budget", "3")
        for text in ("0", "-5", "2parsecs", "nan%", ""):
            self.refused(self.plan("--budget", text), "--budget")
        self.refused(self.plan(), "--budget 2%")
        self.refused(self.plan("--method", "head", "--budget", "2%"), "--budget")
        self.refused(self.plan("--method", "last-k"), "--last")
        self.refused(self.plan("--budget", "2%", "--pool", 99), "99")
        self.refused(self.plan("--budget", "2%", "--pool", "120%"), "120%")

    def test_a_memory_limit_that_cannot_be_met_says_the_least_that_can(self):
        args = self.plan("--method", "head", "--memory-limit")
        result = trady(*args, "100KiB")
        self.assertEqual(result.returncode, 1)
        least = result.stderr.split("use --memory-limit ")[1].split()[0]
        self.accepted(*args, least)
        self.refused([*args, "lots"], "--memory-limit", "lots")

    def test_other_numbers(self):
        self.refused(self.plan("--method", "head", "--batch", 0), "--batch")
        self.refused(self.plan("--method", "head", "--micro-batch", 7), "--micro-batch", "32")
        self.refused(self.plan("--method", "head", "--threads", -1), "--threads")
        for size in (0, 4097, 2000000000):
            self.refused(["plan", "--model", MODEL, "--method", "head", "--image-size", size],
                         "--image-size", size)
        self.refused(["rank", "--weights", self.weights, "--data", self.data, "--epochs", 0,
                      "--warmup", 0, "--out", self.folder / "r.json"], "--epochs")
        self.refused(["eval", "--weights", self.weights, "--data", self.data, "--cache", "much"],
                     "--cache", "much")
        self.refused(["eval", "--weights", self.weights, "--data", self.data, "--device", "null"],
                     "null", "cpu")
        self.refused(self.finetune("--method", "head", "--device", "null", "--out",
                                   self.folder / "x"), "null", "cpu")
        self.refused(self.finetune("--method", "full", "--lr", -1, "--out", self.folder / "x"),
                     "--lr")

    def test_numbers_that_are_none_or_out_of_range(self):
        out = self.folder / "x"
        for option in ("--lr", "--momentum", "--weight-decay", "--clip-norm", "--residual-scale",
                       "--val-split"):
            for text in ("nan", "inf", "-1", "1e999", "0x10", "1,5", "", "two", "9e99"):
                self.refused(self.finetune("--out", out, option, text), option, "a number", text)
        for option in ("--seed", "--epochs", "--last", "--micro-batch", "--classes", "--threads",
                       "--batch", "--image-size"):
            for text in ("-1", "1.5", "0x10", "99999999999999999999", "9" * 400, "nan", "7 8"):
                self.refused(self.finetune("--out", out, option, text), option, "a whole number")
        for option, text in (("--lr", "0"), ("--lr", "1" * 400), ("--epochs", "9" * 400)):
            self.assertLess(len(trady(*self.finetune("--out", out, option, text)).stderr), 250)
        record, _ = self.run_of("--seed", "18446744073709551615", "--threads", "01")
        self.assertEqual(record["settings"]["seed"], 2 ** 64 - 1)
        record, _ = self.run_of("--seed", "010", "--lr", ".5e-2")
        self.assertEqual((record["settings"]["seed"], record["settings"]["learning_rate"]),
                         (10, 0.005))

    def test_divergence_is_reported_with_advice(self):
        self.refused(self.finetune("--method", "full", "--lr", 1e6, "--out",
                                   self.folder / "diverged", epochs=30),
                     "diverged", "smaller --lr")

    def test_a_run_that_diverged_in_its_last_step_leaves_no_weights(self):
        out = self.folder / "blown-up"
        self.refused(self.finetune("--method", "full", "--lr", 1e6, "--out", out, batch=16),
                     "diverged in epoch 1", "in another --out")
        self.assertEqual([f.name for f in out.iterdir()], [".lock"])
        self.refused(["rank", "--weights", self.weights, "--data", self.data, "--epochs", 1,
                      "--warmup", 0, "--batch", 8, "--lr", 1e6, "--out",
                      self.folder / "blown-up.json"], "diverged in epoch 1")

    # Bad input: data sets.

    def test_class_counts_that_differ(self):
        data = self.folder / "three"
        write_images(data / "test", ["ant", "bee", "cat"], count=2)
        self.refused(["eval", "--weights", self.weights, "--data", data], "2 classes", "3",
                     "trady finetune")

    def test_an_empty_class(self):
        data = self.folder / "hollow"
        write_images(data / "train", CLASSES)
        (data / "train" / "cow").mkdir()
        self.refused(["eval", "--weights", self.weights, "--data", data, "--split", "train"],
                     "cow")
        self.refused(self.finetune("--method", "head", "--out", self.folder / "x", data=data),
                     "cow")

    def test_too_few_images_name_split_and_batch(self):
        self.refused(self.finetune("--method", "head", "--out", self.folder / "few", batch=64),
                     "training set has 16", "--batch")

    def test_a_corrupt_jpeg_among_good_images(self):
        data = self.folder / "spoilt"
        write_images(data / "train", CLASSES)
        (data / "train" / "bee" / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 50)
        self.refused(["eval", "--weights", self.weights, "--data", data], "bad.jpg")
        # All 17 images in one batch, so that none is dropped with the last.
        self.refused(self.finetune("--method", "head", "--out", self.folder / "y", data=data,
                                   batch=17), "bad.jpg")

    def test_splits_that_are_not_there(self):
        self.refused(["eval", "--weights", self.weights, "--data", self.data, "--split", "val"],
                     "val", "--val-split")
        data = self.folder / "test-only"
        write_images(data / "test", CLASSES)
        self.refused(self.finetune("--method", "head", "--out", self.folder / "x", data=data),
                     "train")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not os.path.exists(sys.argv[1]):
        sys.exit("usage: test_cli.py PATH_OF_TRADY [--device DEVICE] [TEST...]")
    TRADY = sys.argv.pop(1)
    if sys.argv[1:2] == ["--device"]:
        DEVICE = sys.argv[2]
        del sys.argv[1:3]
    unittest.main()
