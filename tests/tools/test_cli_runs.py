"""Runs that are repeated, stopped and shown: --config, Ctrl-C, kills and --progress.

Usage: test_cli_runs.py PATH_OF_TRADY [TEST...]. Needs neither real data nor packages, as test_cli.py.
"""
import fcntl
import json
import os
import pty
import random
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

import kill_and_resume
import run_test_case
import test_cli

# Each its own way of selecting, and of what a step changes.
INTERRUPTED = {
    "trady": ["--budget", "2%", "--momentum", 0],
    "velocity": ["--scheme", "49kB"],
    "d-det-rgn": ["--budget", "2%"],
    "full": ["--momentum", 0.5],
}


class Runs(run_test_case.RunTestCase):
    # --config.

    def test_a_record_repeats_its_run(self):
        out = self.folder / "first"
        self.run_trady(*self.options("--budget", "5%", "--seed", 2**64 - 1, "--recipe", "light", "--new-head",
                                     "--val-split", 0.25, "--batch-norm", "train", "--calibrate-bn=16",
                                     "--memory-limit", "20MiB", "--classes", "0,1", "--out", out,
                                     epochs=1, batch=8))
        first = self.record(out)
        again = self.folder / "again"
        self.run_trady("--config", out / "run.json", "--out", again, "--threads", 1)
        self.assertEqual(self.bytes_of(again), self.bytes_of(out))
        self.assertEqual(self.record(again)["settings"], first["settings"])
        given = self.record(again)["options"]
        self.assertEqual(given.pop("threads"), 1)
        self.assertEqual(given.pop("micro-batch"), first["environment"]["micro_batch"])
        self.assertEqual(given, first["options"])
        # Records from before options were kept.
        del first["options"]
        old = self.written("old.json", first)
        self.run_trady("--config", old, "--out", self.folder / "from-old")
        self.assertEqual(self.bytes_of(self.folder / "from-old"), self.bytes_of(out))
        # What the command line says goes first, also where the file says what it excludes.
        other = self.folder / "other"
        self.run_trady("--config", out / "run.json", "--out", other, "--seed", 4, "--keep-head")
        changed = {key for key, value in self.record(other)["settings"].items()
                   if value != self.record(out)["settings"][key]}
        self.assertEqual(changed, {"seed", "new_head", "keep_head"})
        self.assertNotEqual(self.bytes_of(other), self.bytes_of(out))
        # The old run is never written over; it goes on with what it was started with.
        self.refused(["--config", out / "run.json"], "--out")
        self.refused(["--config", out / "run.json", "--out", out], "holds a run already")
        self.run_trady("--config", out / "run.json", "--out", out, "--resume")

    def test_the_learning_rate_that_was_chosen_is_kept_where_nothing_else_changes(self):
        out = self.folder / "chosen"
        args = [a for a in self.options("--method", "head", epochs=1, batch=8) if a not in ("--lr", 0.01)]
        self.run_trady(*args, "--out", out)
        record = self.record(out)
        self.assertNotIn("lr", record["options"])
        record["settings"]["learning_rate"] = 0.0625  # as another version had chosen
        file = self.written("chosen.json", record)
        for extra, rate in (([], 0.0625), (["--data", self.data], 0.0625), (["--method", "full"], 0.01)):
            again = self.folder / f"chosen{len(extra)}{rate}"
            self.run_trady("--config", file, "--out", again, *extra)
            self.assertEqual(self.record(again)["settings"]["learning_rate"], rate, extra)

    def test_options_written_by_hand(self):
        file = self.written("hand.json", {
            "weights": str(self.weights), "data": str(self.data), "budget": 27946, "epochs": 1, "warmup": 0,
            "lr": 0.01, "batch": 8, "new-head": True, "keep-head": False, "classes": [0, 1]})
        out, typed = self.folder / "hand", self.folder / "typed"
        self.run_trady("--config", file, "--out", out)
        self.run_trady(*self.options("--budget", 27946, "--new-head", epochs=1, batch=8), "--out", typed)
        self.assertEqual(self.bytes_of(out), self.bytes_of(typed))
        # Another method's options are left in the file.
        head = self.folder / "head"
        self.run_trady("--config", file, "--out", head, "--method", "head")
        self.assertIsNone(self.record(head)["settings"]["budget"])
        self.assertNotIn("budget", self.record(head)["options"])

    def test_bad_configs_name_file_and_key(self):
        good = {"weights": str(self.weights), "data": str(self.data)}
        for text, *expected in (
                ("", "is empty"), (" \n", "is empty"), ("[1]", "one JSON object"), ('{"lr": NaN}', "not valid JSON"),
                ('{"lr": 1e999}', "not valid JSON"), ('{"seed": 1, "seed": 2}', '"seed" occurs twice'),
                ('{"x": ' + "[" * 99 + "]" * 99 + "}", "deep"), ('{"format": "x"}', '"format" is "x"', '"trady run"'),
                (good | {"epoch": 1}, '"epoch"', 'did you mean "epochs"'),
                (good | {"batch_norm": "train"}, '"batch_norm"', 'did you mean "batch-norm"'),
                (good | {"out": "x"}, '"out"', "no option that a file may hold"),
                (good | {"epochs": "5"}, '"epochs" is "5"', "expected a whole number"),
                (good | {"epochs": 1.5}, '"epochs" is 1.5'), (good | {"lr": None}, '"lr" is null', "a number"),
                (good | {"mix": 1}, '"mix" is 1', "true or false"), (good | {"data": 5}, '"data" is 5', "a text"),
                (good | {"data": f"{self.data}\0.png"}, "zero byte"), (good | {"seed": 2**64}, "below 2^64"),
                (good | {"classes": "5,6"}, "a list of whole numbers"),
                (good | {"epochs": -1}, "--epochs", "from 0 to"), (good | {"lr": 0}, "--lr", "above 0"),
                (good | {"batch-norm": "froze"}, "--batch-norm"),
                ({"format": "trady run", "format_version": 9}, "newer trady"),
                ({"format": "trady run", "format_version": 1}, "/trady is missing", "bring back the run's run.json")):
            file = self.written("bad.json", text)
            self.refused(["--config", file, "--out", self.folder / "bad"], file, *expected)
        wide = self.folder / "wide.json"
        wide.write_bytes(json.dumps(good).encode("utf-16"))
        self.refused(["--config", wide, "--out", self.folder / "bad"], wide, "UTF-16", "save it as UTF-8")
        pipe = self.folder / "pipe.json"
        os.mkfifo(pipe)
        for file, reason in ((self.folder / "nowhere.json", "No such file"), (self.folder, "a folder"),
                             (pipe, "not a regular file"), ("", "has no name")):
            self.refused(["--config", file, "--out", self.folder / "bad"], "--config", file, reason,
                         "expected a run.json, or one JSON object")
        self.assertFalse((self.folder / "bad").exists())

    # Ctrl-C and kills.

    def stopped_by(self, args, signals, seconds):
        """Exit status and message of a run that gets the signals so long after it began to train."""
        process = subprocess.Popen([test_cli.TRADY, *map(str, args)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        process.stdout.readline()  # what it says before it trains
        time.sleep(seconds)
        for number in signals:
            process.send_signal(number)
        message = process.communicate(timeout=120)[1]
        return process.returncode, message

    def test_ctrl_c_loses_no_step(self):
        moments = random.Random(1)
        within = 0
        for method, extra in INTERRUPTED.items():
            args = self.options("--method", method, *extra)
            whole, out = self.folder / f"{method}-whole", self.folder / f"{method}-stopped"
            started = time.monotonic()
            self.run_trady(*args, "--out", whole)
            longest = time.monotonic() - started
            command = ["finetune", *args, "--out", out]
            for attempt in range(12):
                signals = [signal.SIGINT] if attempt % 3 else [signal.SIGTERM, signal.SIGTERM]
                status, message = self.stopped_by(command, signals, moments.uniform(0, longest / 2))
                if status == 0:
                    break
                if status == 130:
                    found = re.search(r"saved: (\d+) epochs and (\d+) of the (\d+) steps", message)
                    self.assertIsNotNone(found, message)
                    within += 0 < int(found[2]) < int(found[3])
                    command = shlex.split(message.strip().splitlines()[-1])
                    self.assertEqual(command[0], "trady")
                    command = command[1:]
                else:  # the second signal, or one before there was anything to save
                    self.assertIn(status, (-signal.SIGTERM, -signal.SIGINT))
                    command = ["finetune", *args, "--out", out, "--resume"]
            if status != 0:
                self.run_trady(*command[1:])
            self.assertEqual(self.bytes_of(out), self.bytes_of(whole), method)
            self.assertFalse((out / "unfinished-epoch.safetensors").exists())
            for key in ("loss", "train_accuracy", "steps", "multiply_adds", "memory", "selection"):
                self.assertEqual([e[key] for e in self.record(out)["epochs"]],
                                 [e[key] for e in self.record(whole)["epochs"]], (method, key))
        self.assertGreater(within, 0, "none of the signals came within an epoch")

    def test_kills_with_batch_norms(self):
        network = self.folder / "resnet20"
        self.run_trady("--model", "resnet20", "--from-scratch", "--method", "full", "--image-size", 32,
                       "--data", self.data, "--batch", 16, "--epochs", 1, "--warmup", 0, "--out", network)
        moments = random.Random(2)
        for mode in ("frozen", "train"):
            args = ["--weights", network / "weights.safetensors", "--data", self.data, "--batch-norm", mode,
                    "--budget", "10%", "--pool", "all", "--batch", 8, "--epochs", 4, "--warmup", 1]
            whole, out = self.folder / f"{mode}-whole", self.folder / f"{mode}-killed"
            started = time.monotonic()
            self.run_trady(*args, "--threads", 1, "--out", whole)  # their number decides no bit
            seconds = time.monotonic() - started
            command = [test_cli.TRADY, "finetune", *map(str, args), "--out", str(out), "--resume"]
            self.assertGreater(kill_and_resume.run_with_kills(command, 3, seconds / 2, moments), 0)
            self.assertEqual(self.bytes_of(out), self.bytes_of(whole), mode)

    # trady compare.

    def test_compare_tells_of_unfinished_runs_and_how_to_go_on(self):
        args = self.options("--method", "head", epochs=40)
        out, whole = self.folder / "it's stopped", self.folder / "head-whole"
        self.run_trady(*args, "--out", whole)
        process = subprocess.Popen([test_cli.TRADY, "finetune", *map(str, args), "--out", str(out)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not (out / "run.json").exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = len(self.record(out)["epochs"])
        self.assertIn(done, range(1, 40))
        text = test_cli.trady("compare", whole, out).stdout
        rows = text.splitlines()[1:3]
        self.assertRegex(rows[0], r"^head +40 +\d")
        self.assertRegex(rows[1], rf"^head +{done} of 40 +\d")
        self.assertEqual(len({len(row) for row in rows}), 1)
        self.assertIn(f"unfinished: {out} has {done} of 40 epochs", text)
        self.assertEqual(text.count("unfinished"), 1)
        line = next(line for line in text.splitlines() if line.startswith("  trady finetune "))
        self.run_trady(*shlex.split(line)[2:])
        self.assertEqual(self.bytes_of(out), self.bytes_of(whole))
        self.assertNotIn("unfinished", test_cli.trady("compare", whole, out).stdout)

    # --progress.

    def on_terminal(self, *args, term="xterm"):
        """What a run writes to standard error where that is a terminal of 70 columns, of the kind that
        TERM says; None: it is not set."""
        environment = {name: value for name, value in os.environ.items() if name != "TERM"}
        if term is not None:
            environment["TERM"] = term
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
        process = subprocess.Popen([test_cli.TRADY, "finetune", *map(str, args)], stdout=subprocess.DEVNULL,
                                   stderr=terminal, env=environment)
        os.close(terminal)
        shown = b""
        while True:
            try:
                shown += os.read(controller, 4096)
            except OSError:  # the other end is closed
                break
        os.close(controller)
        self.assertEqual(process.wait(), 0, shown)
        return shown.decode()

    def test_progress(self):
        args = self.options("--method", "full", "--threads", 1, epochs=3)
        shown = self.on_terminal(*args, "--out", self.folder / "shown")
        frames = shown.split("\r\033[K")
        self.assertGreater(len(frames), 2, shown)
        self.assertEqual(frames[-1], "")  # cleared at the end
        for frame in frames:
            self.assertLess(len(frame), 70)
        self.assertRegex(shown, r"epoch \d/3 .*\d+/40  loss \d+\.\d+, accuracy \d+\.\d\d %, \d+ images/s, ")
        piped = self.run_trady(*args, "--out", self.folder / "piped")
        self.assertNotIn("\033", piped.stderr + piped.stdout)
        bar = self.run_trady(*args, "--progress", "bar", "--out", self.folder / "bar")
        self.assertIn("\033[K", bar.stderr)
        for style in ("none", "plain"):
            silent = self.on_terminal(*args, "--progress", style, "--out", self.folder / style)
            self.assertNotIn("\033", silent)
        for number, term in enumerate(("dumb", "", None)):  # nothing there clears a bar
            out = self.folder / f"no-bar-{number}"
            self.assertNotIn("\033", self.on_terminal(*args, "--out", out, term=term), term)
        forced = self.on_terminal(*args, "--progress", "bar", "--out", self.folder / "forced", term="dumb")
        self.assertIn("\033[K", forced)
        self.refused([*args, "--progress", "dots", "--out", self.folder / "dots"], "--progress")


if __name__ == "__main__":
    test_cli.TRADY = sys.argv.pop(1)
    unittest.main(verbosity=2)
