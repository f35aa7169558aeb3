#!/usr/bin/env python3
"""A run that is killed at random moments and resumed ends with the bytes of an undisturbed run.

usage: kill_and_resume.py TRADY DATA WEIGHTS [KILLS [ARGUMENT ...]]

DATA and WEIGHTS go to `trady finetune`; further arguments too. Also checks that one and two threads
give the same bytes, and the same seed twice.
"""
import hashlib
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time


def command(trady, data, weights, out, extra):
    return [trady, "finetune", "--data", data, "--weights", weights, "--method", "trady",
            "--budget", "2%", "--epochs", "3", "--warmup", "1", "--seed", "7", "--out", str(out),
            *extra]  # fmt: skip


def digest(out):
    return hashlib.sha256((out / "weights.safetensors").read_bytes()).hexdigest()


def run(arguments):
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_with_kills(arguments, kills, longest, generator):
    """Kills that many times, at moments spread over a run; then lets it finish."""
    done = 0
    while done < kills:
        process = subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(generator.uniform(0.02, longest))
        if process.poll() is not None:
            return done
        process.send_signal(signal.SIGKILL)
        process.wait()
        done += 1
    run(arguments)
    return done


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    trady, data, weights = sys.argv[1:4]
    kills = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    extra = sys.argv[5:]
    if not pathlib.Path(data).exists() or not pathlib.Path(weights).exists():
        print(f"SKIP: there is no {data} or {weights}")
        return
    generator = random.Random(20260101)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        started = time.monotonic()
        run(command(trady, data, weights, folder / "whole", [*extra, "--threads", "2"]))
        seconds = time.monotonic() - started
        expected = digest(folder / "whole")
        run(command(trady, data, weights, folder / "one", [*extra, "--threads", "1"]))
        if digest(folder / "one") != expected:
            sys.exit("one thread gives other weights than two")
        killed = 0
        attempt = 0
        while killed < kills:
            out = folder / f"killed{attempt}"
            attempt += 1
            arguments = command(trady, data, weights, out, [*extra, "--resume"])
            killed += run_with_kills(arguments, min(3, kills - killed), seconds, generator)
            if digest(out) != expected:
                sys.exit(f"resumed weights differ after {killed} kills")
    print(f"{killed} kills, 2 thread counts: the same bytes")


if __name__ == "__main__":
    main()
