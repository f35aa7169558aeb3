#!/usr/bin/env python3
"""What Bash completes of trady's commands, options, values and files.

usage: test_completion.py TRADY
"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools/completion.bash"
COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_trady "$1" "${@: -1}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words, folder="."):
    """Of the last of these words behind `trady`."""
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", SCRIPT, TRADY, *words], cwd=folder,
                          text=True, capture_output=True, check=True)
    assert done.stderr == "", done.stderr
    return done.stdout.split()


def help_of(*command):
    return subprocess.run([TRADY, *command, "--help"], text=True, capture_output=True,
                          check=True).stdout


def commands():
    section = help_of().split("Subcommands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in section.splitlines()]


class Completion(unittest.TestCase):
    def test_every_command(self):
        self.assertIn("finetune", commands())
        self.assertEqual(completed(""), commands())
        self.assertEqual(completed("fin"), ["finetune"])

    def test_every_option(self):
        for command in [[], *([name] for name in commands())]:
            section = help_of(*command).split("Options:\n")[1].split("\n\n")[0]
            # The long name, of what stands at the margin of options.
            options = re.findall(r"^  (?:-\w,)?(--[\w-]+)", section, re.MULTILINE)
            self.assertIn("--help", options)
            with self.subTest(command=command):
                self.assertEqual(completed(*command, "--"), options)
        self.assertEqual(completed("plan", "--bud"), ["--budget"])

    def test_values(self):
        self.assertEqual(completed("finetune", "--batch-norm", ""), ["folded", "frozen", "train"])
        self.assertEqual(completed("finetune", "--batch-norm", "fr"), ["frozen"])
        self.assertEqual(completed("finetune", "--method", "tr"), ["trady"])
        self.assertIn("head", completed("plan", "--method", ""))
        self.assertEqual(completed("plan", "--model", "mcu"), ["mcunet-5fps"])
        # A description that only looks like names.
        self.assertEqual(completed("finetune", "--memory-limit", ""), [])

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.safetensors").touch()
            (Path(folder) / "a.txt").touch()
            (Path(folder) / "runs").mkdir()
            self.assertEqual(completed("eval", "--weights", "", folder=folder),
                             ["runs", "a.safetensors"])
            # Nothing of ours: Bash completes any file.
            self.assertEqual(completed("eval", "--data", "", folder=folder), [])


if __name__ == "__main__":
    TRADY = sys.argv.pop(1)
    unittest.main()
