"""The files that both sides read: checkpoints of known shapes with random weights, adapters, and batches of random ids; all by fixed seeds.

Checkpoints are written a slice at a time, so that one larger than memory can be made.
"""
import json
import math
import pathlib
import random
import re
import struct

import torch
from peft import LoraConfig
from safetensors.torch import save_file

TOKENIZER = pathlib.Path(__file__).resolve().parents[2] / "lora-djl/src/test/resources/golden/bloom/power-of-two/checkpoint"
TYPES = {"fp32": ("F32", torch.float32), "bf16": ("BF16", torch.bfloat16)}
SLICE = 1 << 24  # elements


def checkpoint(work, shape, precision):
    """A model directory. Weights of both precisions are the same but for rounding."""
    directory = work / f"{shape.name}-{precision}"
    if (directory / "config.json").exists():
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    name, dtype = TYPES[precision]
    header, end = {}, 0
    for tensor, sizes, _ in shape.tensors():
        begin, end = end, end + math.prod(sizes) * dtype.itemsize
        header[tensor] = {"dtype": name, "shape": sizes, "data_offsets": [begin, end]}
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    generator = torch.Generator().manual_seed(0)
    with open(directory / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, sizes, kind in shape.tensors():
            for start in range(0, math.prod(sizes), SLICE):
                values(kind, min(SLICE, math.prod(sizes) - start), generator).to(dtype).view(torch.uint8).numpy().tofile(file)
    for file in ("tokenizer.json", "tokenizer_config.json"):  # the loader wants them; the batches are ids
        (directory / file).write_text((TOKENIZER / file).read_text())
    shape.config(str(dtype).removeprefix("torch.")).save_pretrained(directory)
    return directory


def values(kind, count, generator):
    if kind == "matrix":
        return torch.randn(count, generator=generator) * 0.02
    return torch.ones(count) if kind == "one" else torch.zeros(count)


def adapter(work, shape, number=0, rank=8):
    """An adapter directory; neither A nor B is zero."""
    directory = work / f"{shape.name}-adapter-{number}"
    if not (directory / "adapter_model.safetensors").exists():
        targets = list(shape.targets())
        names = sorted({path.rsplit(".", 1)[1] for path, _, _ in targets})
        LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names, task_type="CAUSAL_LM").save_pretrained(directory)
        generator = torch.Generator().manual_seed(1 + number)
        tensors = {}
        for path, columns, rows in targets:
            tensors[f"base_model.model.{path}.lora_A.weight"] = torch.randn(rank, columns, generator=generator) * 0.02
            tensors[f"base_model.model.{path}.lora_B.weight"] = torch.randn(rows, rank, generator=generator) * 0.02
        save_file(tensors, directory / "adapter_model.safetensors")
    return directory


def ids(rng, count, shape):
    return [rng.randrange(4, shape.vocabulary) for _ in range(count)]


def batch(shape, lengths, labelled=1.0):
    """Rows of these lengths; a share of the tokens carries a label."""
    rng = random.Random(1)
    tokens = [ids(rng, n, shape) for n in lengths]
    return {"tokens": tokens, "labels": [[t if rng.random() < labelled else -100 for t in row] for row in tokens]}


def siblings(shape, passage, rest, answer, rows):
    """Rows that begin with one passage; only their last tokens are labelled."""
    rng = random.Random(1)
    common = ids(rng, passage, shape)
    tokens = [common + ids(rng, rest, shape) for _ in range(rows)]
    return {"tokens": tokens, "labels": [[-100] * (len(row) - answer) + row[-answer:] for row in tokens]}


def squad_lengths(count, file=None):
    """Lengths of prompts, drawn with a fixed seed: those of a SQuAD v2.0 file, counted in words and punctuation marks; or, without one, from the
    log-normal distribution that fits those of the official dev set (median 173, mean 182, deviation 68)."""
    rng = random.Random(2)
    if file is None:
        return [max(60, min(512, round(rng.lognormvariate(5.154, 0.31)))) for _ in range(count)]
    lengths = []
    for paragraph in (p for article in json.load(open(file))["data"] for p in article["paragraphs"]):
        for question in paragraph["qas"]:
            answer = question["answers"][0]["text"] if question["answers"] else "Cannot Find Answer"
            text = f"### CONTEXT\n{paragraph['context']}\n\n### QUESTION\n{question['question']}\n\n### ANSWER\n{answer}</s>"
            lengths.append(min(512, len(re.findall(r"\w+|[^\w\s]", text))))
    return rng.sample(lengths, count)
