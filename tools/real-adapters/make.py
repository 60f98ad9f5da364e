"""Bases of published shapes with random weights for real adapters, and what PEFT says of both: python make.py ADAPTERS OUT [NAME ...]

ADAPTERS holds a directory for each adapter; OUT gets base, rows, logits, loss and gradients of each, some 15 GB for all. Needs the
packages of tools/golden/requirements.txt, no network, and memory for the largest base in fp32 (12.4 GB, Qwen2.5-3B).
"""

import gc
import json
import os
import sys
import zlib
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
sys.path.append(str(Path(__file__).resolve().parents[1] / "golden"))

import torch
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from checkpoints import write_tokenizer
from files import fresh, generator, masked_labels, token_rows, write_json, write_tensors
from shapes import BASES, DROPPED_PREFIX, buffers

logging.set_verbosity_error()
logging.disable_progress_bar()

SHARD = 2_000_000_000  # bytes
LENGTHS = [9, 23, 1]
TRAINED = [17, 8]


def shape_of(config: dict):
    """The model without memory for its weights."""
    settings = {key: value for key, value in config.items() if key != "model_type"}
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(config["model_type"], **settings), dtype=torch.float32)


def random_value(name: str, shape, gemma: bool) -> torch.Tensor:
    """Decided by its name alone, so that a tensor in the place of another is noticed."""
    noise = torch.randn(shape, generator=generator(zlib.crc32(name.encode())))
    if len(shape) == 1 and name.endswith("weight"):
        return noise * 0.1 + (0.0 if gemma else 1.0)
    return noise * (0.1 if len(shape) == 1 else 0.03)


def write_base(directory: Path, config: dict) -> int:
    fresh(directory)
    kind = config["model_type"]
    dtype = getattr(torch, config.get("torch_dtype", "float32"))
    model = shape_of(config)
    shards, size, total = [{}], 0, 0
    for name, parameter in model.named_parameters():
        value = random_value(name, parameter.shape, kind.startswith("gemma")).to(dtype)
        if size + value.nbytes > SHARD:
            shards.append({})
            size = 0
        shards[-1][name.removeprefix(DROPPED_PREFIX.get(kind, "")) if not name.startswith("lm_head") else name] = value
        size += value.nbytes
        total += value.numel()
        if size == value.nbytes and len(shards) > 1:
            flush(directory, shards, len(shards) - 2)
    for name, shape, what in buffers(config):
        shards[-1][name] = {
            "mask": lambda: torch.ones(shape).tril(), "bool": lambda: torch.ones(shape, dtype=torch.bool).tril(),
            "scalar": lambda: torch.tensor(-1e9).to(dtype), "frequencies": lambda: torch.ones(shape)}[what]()
    flush(directory, shards, len(shards) - 1)
    if len(shards) == 1:
        (directory / "model-0.safetensors").rename(directory / "model.safetensors")
    else:
        names = {name: f"model-{number}.safetensors" for number, shard in enumerate(shards) for name in shard}
        write_json(directory / "model.safetensors.index.json", {"metadata": {}, "weight_map": names})
    write_json(directory / "config.json", config)
    write_tokenizer(directory)  # some files have to be there; rows are ids
    return total


def flush(directory: Path, shards: list[dict], number: int) -> None:
    """Writes a shard and keeps its names only."""
    save_file({k: v.contiguous() for k, v in shards[number].items()}, directory / f"model-{number}.safetensors", metadata={"format": "pt"})
    shards[number] = dict.fromkeys(shards[number])


def check_shapes(adapter: Path, config: dict) -> None:
    """The shape is the adapter's own: every pair has the sides of a map, and every map of a target its pair."""
    sides = {name: module for name, module in shape_of(config).named_modules() if hasattr(module, "weight")}
    with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
        for key in file.keys():
            path, side = key.removeprefix("base_model.model.").removesuffix(".weight").rsplit(".", 1)
            weight = sides[path].weight.shape
            out, into = (weight[1], weight[0]) if type(sides[path]).__name__ == "Conv1D" else weight
            shape = file.get_slice(key).get_shape()
            assert (shape[1] == into) if side == "lora_A" else (shape[0] == out), (key, shape, weight)


def run(model, rows):
    with torch.no_grad():
        return [model(input_ids=torch.tensor([row])).logits[0].float() for row in rows]


def write_expected(directory: Path, adapter: Path, vocabulary: int) -> None:
    base = AutoModelForCausalLM.from_pretrained(directory / "base", dtype=torch.float32, attn_implementation="eager").eval()
    rows = token_rows(5, LENGTHS, vocabulary)
    batch = token_rows(6, TRAINED, vocabulary)
    labels = masked_labels(batch, [3, 0])
    expected = {f"base/logits/{i}": value for i, value in enumerate(run(base, rows))}
    peft = PeftModel.from_pretrained(base, adapter, is_trainable=True).eval()  # no dropout
    expected |= {f"adapted/logits/{i}": value for i, value in enumerate(run(peft, rows))}
    total, count = 0.0, sum(sum(label != -100 for label in row[1:]) for row in labels)
    for row, label in zip(batch, labels):
        scores = peft(input_ids=torch.tensor([row])).logits[0, :-1].float()
        one = torch.nn.functional.cross_entropy(scores, torch.tensor(label[1:]), reduction="sum") / count
        one.backward()
        total += one.item()
    for name, parameter in peft.named_parameters():
        if parameter.requires_grad:
            expected["gradients/" + name.removeprefix("base_model.model.").replace(".default.weight", "")] = parameter.grad
    write_tensors(directory / "expected.safetensors", expected)
    moved = max((expected[f"adapted/logits/{i}"] - expected[f"base/logits/{i}"]).abs().max().item() for i in range(len(rows)))
    write_json(directory / "manifest.json", {
        "rows": rows, "loss": {"rows": batch, "labels": labels, "value": total},
        "parameters": [int(n) for n in peft.get_nb_trainable_parameters()], "adapter_moves_logits_by": moved,
    })
    print("  logits up to %.2f, moved by the adapter by %.4f, loss %.4f" % (max(v.abs().max() for k, v in expected.items() if "logits" in k), moved, total), flush=True)


def main() -> None:
    adapters, out = Path(sys.argv[1]), Path(sys.argv[2])
    for name in sys.argv[3:] or BASES:
        directory = out / name
        config = BASES[name]
        check_shapes(adapters / name, config)
        print(name, config["model_type"], f"{write_base(directory / 'base', config):,} parameters", flush=True)
        write_expected(directory, adapters / name, config["vocab_size"])
        gc.collect()


if __name__ == "__main__":
    main()
