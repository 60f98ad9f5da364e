"""Starts the programs, a fresh process each, and reads the line of JSON that they print."""
import json
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
TARGET = HERE.parent / "target"
POLL_SECONDS = 0.02


class Failed(Exception):
    pass


class Programs:
    """Ours in Java and theirs in Python; jobs are files under the work directory, so that any run can be repeated by hand."""

    def __init__(self, work):
        self.work = work

    def job(self, name, model, adapters, precision, batches, recompute=False, shared=False, repetitions=0, new_tokens=0, results=None):
        file = self.work / "jobs" / f"{name}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({
            "model": str(model), "adapters": [str(a) for a in adapters], "precision": precision, "batches": batches, "recompute": recompute,
            "shared": shared, "repetitions": repetitions, "newTokens": new_tokens, "results": str(results or "")}))
        return file

    def ours(self, main, *arguments, threads=2, heap=("-Xmx256m",)):
        return self._run(["java", *heap, "-cp", f"{TARGET}/classes:{TARGET}/lib/*", f"io.github.lora4j.bench.{main}", *arguments], threads)

    def theirs(self, program, job, threads=2):
        return self._run([sys.executable, HERE / f"{program}.py", job], threads)

    def theirs_together(self, program, jobs, threads):
        """Processes that wait for each other after their warm-up; the outcomes, and the seconds until the last was done."""
        running = [self._start([sys.executable, HERE / f"{program}.py", job, "--wait"], threads) for job in jobs]
        for process in running:
            if process.stdout.readline().strip() != "ready":
                raise Failed(process.stderr.read()[-2000:])
        start = time.perf_counter()
        for process in running:
            process.stdin.write("\n")
            process.stdin.flush()
        outcomes = [json.loads(process.stdout.readline()) for process in running]
        seconds = time.perf_counter() - start
        for process in running:
            process.communicate()
        return outcomes, seconds

    def theirs_limited(self, program, job, limit_mib, threads=2):
        """Kills the process when it holds more than the limit; what it said last, and whether it came to its end."""
        log = self.work / "limited.log"
        with open(log, "w") as errors:
            process = self._start([sys.executable, HERE / f"{program}.py", job], threads, errors)
            start, highest = time.perf_counter(), 0
            while process.poll() is None:
                highest = max(highest, resident_mib(process.pid))
                if highest > limit_mib:
                    process.kill()
                    process.wait()
                    said = re.findall(r"^(?:the model is loaded|forward is done)$", log.read_text(), re.M)
                    return {"killed": True, "seconds": time.perf_counter() - start, "after": said[-1] if said else "nothing: while loading"}
                time.sleep(POLL_SECONDS)
        if process.returncode:
            raise Failed(log.read_text()[-2000:])
        return {"killed": False, "seconds": time.perf_counter() - start, "peakMiB": highest}

    def _start(self, command, threads, errors=subprocess.PIPE):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        return subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)

    def _run(self, command, threads):
        start = time.perf_counter()
        process = self._start(command, threads)
        out, errors = process.communicate()
        seconds = time.perf_counter() - start
        lines = out.strip().splitlines()
        if process.returncode:
            raise Failed(f"{' '.join(map(str, command))}\n{out[-500:]}{errors[-2000:]}")
        return {**json.loads(lines[-1]), "processSeconds": seconds}


def resident_mib(pid):
    try:
        found = re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[1]) / 1024 if found else 0
