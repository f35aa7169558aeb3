"""The files of a run: which it goes on from, which are weights, and that no other command replaces them.

Usage: test_cli_run_files.py PATH_OF_TRADY [TEST...]. Needs neither real data nor packages, as test_cli.py.
"""
import re
import shutil
import signal
import subprocess
import sys
import unittest

import run_test_case
import test_cli

CHECKPOINT, UNFINISHED = "checkpoint.safetensors", "unfinished-epoch.safetensors"


class RunFiles(run_test_case.RunTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.finished = cls.folder / "finished"
        result = test_cli.trady("finetune", *cls.args(), "--out", cls.finished)
        assert result.returncode == 0, result.stderr
        cls.picture = next((cls.data / "test").rglob("*.*"))
        cls.stopped = cls.stopped_in_epoch(2, "stopped")

    @classmethod
    def args(cls, *extra):
        return ["--weights", cls.weights, "--data", cls.data, "--batch", 2, "--epochs", 2, "--warmup", 0,
                "--method", "full", "--threads", 1, "--lr", 0.01, *extra]

    @classmethod
    def stopped_in_epoch(cls, epoch, name, *extra):
        """The folder of a run that Ctrl-C stopped within this epoch."""
        out = cls.folder / name
        command = [test_cli.TRADY, "finetune", *cls.args("--progress", "bar", *extra), "--out", out]
        shown = b""
        with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as process:
            while f"epoch {epoch}/2".encode() not in shown:
                byte = process.stderr.read(1)
                assert byte, shown
                shown += byte
            process.send_signal(signal.SIGINT)
            process.stderr.read()
        assert process.returncode == 130 and (out / UNFINISHED).exists(), shown
        return out

    def copy_of(self, folder, name):
        return shutil.copytree(folder, self.folder / name)

    def resumed(self, out):
        return [*self.args(), "--out", out, "--resume"]

    def untouched(self, folder, act):
        before = {f.name: f.read_bytes() for f in folder.iterdir()}
        act()
        self.assertEqual(before, {f.name: f.read_bytes() for f in folder.iterdir()})

    # What --resume goes on from.

    def test_an_unfinished_epoch_of_another_run_is_refused(self):
        other = self.stopped_in_epoch(2, "other", "--seed", 7)
        again = self.stopped_in_epoch(2, "again")  # the same settings, and still another run
        first = self.stopped_in_epoch(1, "first", "--seed", 7)
        for number, (stranger, *expected) in enumerate((
                (other, "of another run", "remove this one"), (again, "of another run"),
                (first, "other settings", "seed"))):
            out = self.copy_of(self.stopped, f"mixed{number}")
            shutil.copy(stranger / UNFINISHED, out / UNFINISHED)
            if stranger == first:
                (out / CHECKPOINT).unlink()
                (out / "run.json").unlink()
            self.untouched(out, lambda: self.refused(self.resumed(out), out, *expected))
        out = self.folder / "mixed0"
        (out / UNFINISHED).unlink()  # as the message says
        self.run_trady(*self.resumed(out))
        self.assertEqual(self.bytes_of(out), self.bytes_of(self.finished))

    def test_an_unfinished_epoch_is_no_checkpoint_nor_the_other_way_round(self):
        out = self.copy_of(self.stopped, "renamed")
        shutil.copy(out / UNFINISHED, out / CHECKPOINT)
        self.refused(self.resumed(out), out / CHECKPOINT, "not a checkpoint between epochs")
        shutil.copy(self.stopped / CHECKPOINT, out / CHECKPOINT)
        shutil.copy(out / CHECKPOINT, out / UNFINISHED)
        self.refused(self.resumed(out), out / UNFINISHED, "not what an unfinished epoch", "remove this file")

    def test_damaged_files_to_go_on_from_say_what_to_do_without_them(self):
        for name, remedy in ((CHECKPOINT, "start again without --resume in another --out"),
                             (UNFINISHED, "remove this file to begin the epoch again")):
            whole = (self.stopped / name).read_bytes()
            damaged = {"empty": b"", "short": whole[:100], "cut": whole[:-100], "longer": whole + b"12345678",
                       "noise": bytes(range(256)) * 4, "weights": self.weights.read_bytes()}
            if name == UNFINISHED:  # of the checkpoint nothing but its header is looked at first
                damaged["record"] = whole.replace(b'\\"epochs\\"', b'\\"epoch5\\"')
            for how, content in damaged.items():
                out = self.copy_of(self.stopped, f"{how}-{name}")
                (out / name).write_bytes(content)
                self.untouched(out, lambda: self.refused(self.resumed(out), out / name))
                if how != "noise":  # which is no safetensors file at all
                    self.refused(self.resumed(out), remedy)

    def test_a_run_without_its_checkpoint_is_not_mixed_with_another(self):
        out = self.copy_of(self.stopped, "headless")
        (out / CHECKPOINT).unlink()
        self.refused(self.resumed(out), out, "holds run.json of a run", "another --out")
        (out / "run.json").unlink()
        self.refused(self.resumed(out), out / UNFINISHED, "there is no checkpoint", "another --out")
        first = self.stopped_in_epoch(1, "first-of-two")
        shutil.copy(self.finished / "weights.safetensors", first)
        self.untouched(first, lambda: self.refused(self.resumed(first), first, "holds weights.safetensors"))

    def test_a_link_to_another_checkpoint_is_not_written_through(self):
        out = self.copy_of(self.stopped, "linked")
        (out / CHECKPOINT).unlink()
        (out / CHECKPOINT).symlink_to(self.stopped / CHECKPOINT)
        self.untouched(self.stopped, lambda: self.refused(self.resumed(out), out / CHECKPOINT, "a symbolic link"))

    def test_a_finished_run_leaves_no_unfinished_epoch(self):
        out = self.copy_of(self.finished, "killed-late")
        shutil.copy(self.stopped / UNFINISHED, out)
        self.run_trady(*self.resumed(out))
        self.assertFalse((out / UNFINISHED).exists())
        self.assertEqual(self.bytes_of(out), self.bytes_of(self.finished))

    # What counts as weights.

    def test_the_folder_of_a_finished_run_stands_for_its_weights(self):
        for command, args in (("predict", ["{}", self.picture]), ("eval", ["--weights", "{}", "--data", self.data]),
                              ("plan", ["--weights", "{}", "--method", "head"])):
            shown = []
            for weights in (self.finished, self.finished / "weights.safetensors"):
                result = test_cli.trady(command, *[weights if a == "{}" else a for a in args])
                self.assertEqual(result.returncode, 0, result.stderr)
                shown.append(re.sub(r"\d+ images/s", "", result.stdout))
            self.assertEqual(*shown)
        further = [self.finished if arg == self.weights else arg for arg in self.args()]
        self.run_trady(*further, "--out", self.folder / "further")

    def test_what_is_no_weights_says_what_is(self):
        out = self.folder / "out.safetensors"
        for weights, *expected in (
                (self.stopped, "the run is not over", "--resume"),
                (self.data, "a folder without weights.safetensors", "--out of a finished run"),
                (self.finished / CHECKPOINT, "not weights", "weights.safetensors"),
                (self.stopped / UNFINISHED, "not weights", "weights.safetensors")):
            for command, args in (("predict", [weights, self.picture]), ("export", [weights, out]),
                                  ("eval", ["--weights", weights, "--data", self.data]),
                                  ("plan", ["--weights", weights, "--method", "head"])):
                self.refused(args, weights, *expected, command=command)
            args = ["--weights", weights, "--data", self.data, "--method", "head"]
            self.refused([*args, "--out", self.folder / "from"], weights, *expected)
        self.assertFalse(out.exists())
        mixed = self.copy_of(self.stopped, "mixed-weights")
        shutil.copy(self.finished / "weights.safetensors", mixed)
        self.refused([mixed, self.picture], mixed, "1 of 2 epochs", command="predict")

    # What other commands leave alone.

    def test_no_command_replaces_a_file_of_a_run(self):
        run = self.copy_of(self.stopped, "kept")
        shutil.copy(self.finished / "weights.safetensors", run)
        link = self.folder / "link.json"
        link.symlink_to(run / "run.json")
        weights = self.finished / "weights.safetensors"
        free = self.folder / "free.safetensors"

        def each():
            for file in (run / ".lock", run / CHECKPOINT, run / UNFINISHED, run / "run.json", run / "weights.safetensors",
                         link, run / ".." / "kept" / "run.json"):
                for command, args in (
                        ("export", [weights, file]), ("export", [weights, free, "--class-file", file]),
                        ("report", [self.finished, "--no-images", "--out", file]),
                        ("plan", ["--weights", weights, "--method", "head", "--json", file]),
                        ("rank", ["--weights", weights, "--data", self.data, "--out", file])):
                    self.refused(args, file, "would replace what a run has left", command=command)

        self.untouched(run, each)
        self.assertFalse(free.exists())
        self.refused([weights, free, "--class-file", free], free, "choose another name", command="export")
        # The same names outside of a run's folder are free.
        result = test_cli.trady("export", self.finished, self.folder / "weights2.safetensors")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_record_that_is_gone_says_how_it_comes_back(self):
        run = self.copy_of(self.finished, "recordless")
        (run / "run.json").unlink()
        for command in ("report", "compare"):
            self.refused([run], run / "run.json", "--resume` write it anew", command=command)
            self.refused([self.data], self.data, "is", "the --out of a run", command=command)
        (run / "run.json").write_text("{")
        self.refused([run], run / "run.json", "--resume` write it anew", command="report")
        self.run_trady(*self.resumed(run))
        self.refused([self.stopped], "weights.safetensors", "--resume", "--no-images", command="report")
        (run / "weights.safetensors").unlink()
        self.refused([run], run / "weights.safetensors", "--resume", "--no-images", command="report")


if __name__ == "__main__":
    test_cli.TRADY = sys.argv.pop(1)
    unittest.main(verbosity=2)
