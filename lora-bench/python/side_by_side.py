"""Runs lora4j and PEFT on the same files, one after the other, and prints how they compare.

    mvn -q -B package -DskipTests                        # once: fills lora-bench/target
    python side_by_side.py --work DIR [--cases NAME ...] [--runs 3] [--squad dev-v2.0.json]

Weights, adapters and batches are written once, with fixed seeds. Results are compared before anything is timed. Every run is a fresh process with two
threads; the programs alternate; medians are printed. Rows go to DIR/results.jsonl as they are made, and to DIR/results.md in the end: an interrupted run
keeps what it has, and a later one with other cases adds to it. --layers and --vocabulary make the models small, to see that everything runs.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import time
from importlib.metadata import version

from cases import CASES, Setting
from processes import REPOSITORY, TARGET, Failed, Programs
from shapes import BLOOM_3B, BLOOM_560M, LLAMA_1B, small


def environment():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    java = subprocess.run(["java", "-version"], stderr=subprocess.PIPE, text=True).stderr.splitlines()[0]
    native = [re.search(r"pytorch-native-cpu-([\d.]+\d)", jar.name)[1] for jar in (TARGET / "lib").glob("pytorch-native-cpu-*.jar")]
    commit = subprocess.run(["git", "-C", REPOSITORY, "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True).stdout.strip()
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft"))
    return f"{cpu[1] if cpu else 'unknown CPU'}; {java}; libtorch {' '.join(native)}; {packages}; commit {commit}"


def number(value, digits=2):
    return "" if value is None else f"{value:.{digits}f}" if value >= 0.1 or not value else f"{value:.2g}"


def seconds(value):
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.0f} ms" if value >= 0.01 else f"{1e6 * value:.3g} µs"


def tables(rows):
    newest = {row["case"]: row for row in rows}.values()
    yield "| case | lora4j | PEFT | ratio | target | lora4j, MiB | PEFT, MiB | ratio | target |\n|---|---|---|---|---|---|---|---|---|"
    for row in newest:
        if row["table"] == "beside":
            cells = [row["case"], *map(seconds, row["seconds"]), number(row["ratio"]), number(row["target"]),
                     *(number(mib, 0) for mib in row["MiB"]), number(row["memoryRatio"]), number(row["memoryTarget"])]
            yield f"| {' | '.join(cells)} |"
    yield "\n| alone | figure | target |\n|---|---|---|"
    for row in newest:
        if row["table"] == "alone":
            yield f"| {row['case']} | {row['figure']} | {row['target'] or ''} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", required=True, type=pathlib.Path, help="checkpoints (10 GB for all cases), jobs and results")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES), metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--squad", help="a SQuAD v2.0 file for the lengths of its prompts; without it they are drawn from a fitted distribution")
    parser.add_argument("--layers", type=int)
    parser.add_argument("--vocabulary", type=int)
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    shapes = (small(shape, args.layers, args.vocabulary) for shape in (BLOOM_560M, BLOOM_3B, LLAMA_1B))
    setting = Setting(Programs(work), *shapes, args.runs, args.squad)
    print(environment(), flush=True)
    results, failed = work / "results.jsonl", []
    for name in args.cases:
        start = time.perf_counter()
        try:
            for row in CASES[name](setting):
                print(json.dumps(row), flush=True)
                with open(results, "a") as file:
                    file.write(json.dumps(row) + "\n")
        except Failed as e:
            failed.append(name)
            print(f"{name} failed: {e}", file=sys.stderr, flush=True)
        print(f"{name} took {time.perf_counter() - start:.0f} s", flush=True)
    if results.exists():
        text = "\n".join(tables(map(json.loads, results.read_text().splitlines())))
        (work / "results.md").write_text(f"{environment()}\n\n{text}\n")
        print("\n" + text)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
