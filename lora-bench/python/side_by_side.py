"""Runs GradientStep.java and peft_step.py on the same files, one after the other, and prints the ratios.

    mvn -q -B package -DskipTests                        # once: fills lora-bench/target
    python side_by_side.py --work DIR [--cases NAME ...] [--runs 3] [--layers 24]

Weights, adapter and batches are written once, with fixed seeds. Loss and every gradient must agree before anything is timed. Every run is a fresh process
with two threads; the programs alternate; the first repetition of a process warms up and is not counted; medians are printed.
"""
import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import BloomConfig, BloomForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
VOCABULARY = 250880
# name: (precision, tokens of each row, share of labelled tokens, recompute here, checkpointing there)
CASES = {
    "bf16-512": ("bf16", [512] * 4, 1.0, False, False),
    "bf16-512-recomputed": ("bf16", [512] * 4, 1.0, True, False),
    "fp32-512": ("fp32", [512] * 4, 1.0, False, False),
    "fp32-512-recomputed": ("fp32", [512] * 4, 1.0, True, False),
    "fp32-128-labels-5-percent": ("fp32", [128] * 4, 0.05, False, False),
    "bf16-squad-lengths": ("bf16", None, 1.0, False, False),
}


def make_model(work, layers, precision):
    directory = work / f"model-{layers}-{precision}"
    if not directory.exists():
        torch.manual_seed(0)
        config = BloomConfig(vocab_size=VOCABULARY, hidden_size=1024, n_layer=layers, n_head=16, bos_token_id=1, eos_token_id=2, pad_token_id=3)
        model = BloomForCausalLM(config)
        adapter = work / f"adapter-{layers}"
        if not adapter.exists():
            peft = get_peft_model(BloomForCausalLM(config), LoraConfig(r=8, lora_alpha=16, target_modules=["query_key_value"], init_lora_weights=False))
            peft.save_pretrained(adapter)
        model.to(torch.float32 if precision == "fp32" else torch.bfloat16).save_pretrained(directory)
        # a tokenizer is wanted by the loader and not used: the batches are ids
        golden = HERE.parents[1] / "lora-djl/src/test/resources/golden/bloom/power-of-two/checkpoint"
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (directory / name).write_text((golden / name).read_text())
    return directory, work / f"adapter-{layers}"


def make_batch(work, name, lengths, labelled):
    file = work / f"{name}.json"
    rng = random.Random(1)
    if lengths is None:  # like SQuAD prompts: log-normal, mean 160, deviation 65 tokens
        lengths = [max(40, min(512, round(rng.lognormvariate(5.0, 0.39)))) for _ in range(4)]
    tokens = [[rng.randrange(4, VOCABULARY) for _ in range(n)] for n in lengths]
    labels = [[t if rng.random() < labelled else -100 for t in row] for row in tokens]
    file.write_text(json.dumps({"tokens": tokens, "labels": labels}))
    return file


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**__import__("os").environ, "OMP_NUM_THREADS": "2"})
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(model, adapter, batch, precision, recompute, repetitions, gradients):
    target = HERE.parent / "target"
    return run(["java", "-Xmx256m", "-cp", f"{target}/classes:{target}/lib/*", "io.github.lora4j.bench.GradientStep",
                model, adapter, batch, precision, str(recompute).lower(), str(repetitions), gradients])


def theirs(model, adapter, batch, precision, checkpointing, repetitions, gradients):
    return run([sys.executable, HERE / "peft_step.py", model, adapter, batch, precision, str(checkpointing).lower(), str(repetitions), gradients])


def check(work, name, precision, a, b, exact):
    """fp32: both sides agree. bf16: rounding differs from place to place, so each side is held to the fp32 gradients of the same
    weights, and ours must come as close to them as PEFT's."""
    loss = abs(a["loss"] - b["loss"]) / abs(b["loss"])
    x, y = load_file(work / f"{name}-ours.safetensors"), load_file(work / f"{name}-peft.safetensors")
    assert x.keys() == y.keys(), x.keys() ^ y.keys()
    if precision == "fp32":
        worst = distance(x, y)
        print(f"{name}: loss {b['loss']:.6f}, differs by {loss:.1e} of it; gradients by {worst:.1e} of their norm at most", flush=True)
        assert loss <= 1e-6 and worst <= 1e-4, "the programs do not compute the same; nothing is timed"
        return
    ours, peft = distance(x, load_file(exact)), distance(y, load_file(exact))
    print(f"{name}: loss {b['loss']:.6f}, differs by {loss:.1e} of it; gradients of ours are within {ours:.1e} of fp32's norm, PEFT's within {peft:.1e}", flush=True)
    assert loss <= 1e-3 and ours <= 1.25 * peft, "the programs do not compute the same; nothing is timed"


def distance(x, y):
    return max(((x[k] - y[k]).norm() / y[k].norm()).item() for k in y)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--layers", type=int, default=24)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in args.cases:
        precision, lengths, labelled, recompute, checkpointing = CASES[name]
        model, adapter = make_model(args.work, args.layers, precision)
        batch = make_batch(args.work, name, lengths, labelled)
        sides = [], []
        for i in range(args.runs + 1):
            first = i == 0  # the pair that is compared, not timed
            a = ours(model, adapter, batch, precision, recompute, 1 if first else 2, args.work / f"{name}-ours.safetensors" if first else "-")
            b = theirs(model, adapter, batch, precision, checkpointing, 1 if first else 2, args.work / f"{name}-peft.safetensors" if first else "-")
            if first:
                exact = args.work / f"{name}-exact.safetensors"
                if precision != "fp32":
                    ours(model, adapter, batch, "fp32", True, 1, exact)
                check(args.work, name, precision, a, b, exact)
            else:
                sides[0].append(a)
                sides[1].append(b)
        times = [statistics.median(r["seconds"][-1] for r in side) for side in sides]
        memory = [statistics.median(r["aboveWeightsMiB"] for r in side) for side in sides]
        rows.append(f"| {name} | {times[0]:.2f} s | {times[1]:.2f} s | {times[0] / times[1]:.2f} | {memory[0]:.0f} MiB | {memory[1]:.0f} MiB | {memory[0] / memory[1]:.2f} |")
        print(rows[-1], flush=True)
    print("\n| case | lora4j | PEFT | ratio | lora4j above the weights | PEFT | ratio |\n|---|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
