"""Writes the golden files of combined and merged adapters: python tools/golden/combining.py

On the checkpoint `power-of-two` of bloom.py, at two ranks. Needs the packages of requirements.txt, no network and some ten seconds on a CPU.
Two runs give the same bytes.
"""

import json
import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":  # PEFT writes the set of targets in hash order
    os.environ.update(PYTHONHASHSEED="0", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

import adapters
from files import ROOT, fresh, write_json, write_tensors
from forward import run

FIRST = ROOT / "power-of-two"
WEIGHTS = [0.7, -0.4]
FACTORS = [2.5, -1.5]
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def base(dtype=torch.float32):
    return AutoModelForCausalLM.from_pretrained(FIRST / "checkpoint", dtype=dtype).eval()


def make(rank: int, directory, seed: int) -> None:
    """Two adapters of other ranks, scalings and targets. The second is rank-stabilised: PEFT takes that setting from the first for the
    result, which is sqrt(r) too large where the first has it."""
    configs = {
        "a": LoraConfig(r=rank, lora_alpha=8, target_modules=["query_key_value"], task_type="CAUSAL_LM"),
        "b": LoraConfig(r=rank // 2, lora_alpha=5, target_modules=["query_key_value", "dense"], use_rslora=True, task_type="CAUSAL_LM"),
    }
    for name, config in configs.items():
        peft = get_peft_model(base(), config)
        adapters.randomise(peft, seed + ord(name))
        adapters.save(peft, directory / name, "golden/power-of-two")


def load(directory) -> PeftModel:
    peft = PeftModel.from_pretrained(base(), directory / "a", adapter_name="a")
    peft.load_adapter(directory / "b", adapter_name="b")
    return peft


def svd_error(peft: PeftModel) -> float:
    """Of the update `svd` against `cat`, by Frobenius over all modules."""
    error = norm = 0.0
    for module in peft.modules():
        if hasattr(module, "get_delta_weight") and "cat" in module.lora_A:
            exact, near = module.get_delta_weight("cat").double(), module.get_delta_weight("svd").double()
            error += (exact - near).square().sum().item()
            norm += exact.square().sum().item()
    return (error / norm) ** 0.5


def write(rank: int, rows: list[list[int]]) -> None:
    directory = fresh(ROOT / f"combining/rank-{rank}")
    make(rank, directory, 300 + rank)
    peft = load(directory)
    peft.add_weighted_adapter(["a", "b"], WEIGHTS, "cat", combination_type="cat")
    peft.add_weighted_adapter(["a", "b"], WEIGHTS, "svd", combination_type="svd", svd_rank=rank // 2)
    for i, factor in enumerate(FACTORS):
        peft.add_weighted_adapter(["a"], [factor], f"scaled-{i}", combination_type="linear")
    expected = {}
    for name in ["cat", "svd", *(f"scaled-{i}" for i in range(len(FACTORS)))]:
        peft.set_adapter(name)
        expected[f"logits/{name}"] = run(peft, rows)[0]
    error = svd_error(peft)
    peft.set_adapter("cat")
    expected["logits/merged-cat"] = run(peft.merge_and_unload(safe_merge=True), rows)[0]
    for name, dtype in TYPES.items():
        merged = PeftModel.from_pretrained(base(dtype), directory / "a").merge_and_unload(safe_merge=True)
        expected[f"{name}/logits/merged-a"] = run(merged, rows)[0]
        expected[f"{name}/weight"] = merged.transformer.h[0].self_attention.query_key_value.weight
    write_tensors(directory / "expected.safetensors", expected)
    write_json(directory / "manifest.json", {
        "rows": rows, "weights": WEIGHTS, "factors": FACTORS, "svd_rank": rank // 2, "svd_error": error,
        "tensors": {
            "logits/NAME": "[length, vocabulary] under the adapter that add_weighted_adapter makes of a and b, or of a alone, by NAME",
            "logits/merged-cat": "after merge_and_unload of cat",
            "TYPE/logits/merged-a": "after merge_and_unload of a into a base of the type",
            "TYPE/weight": "transformer.h.0.self_attention.query_key_value.weight of that",
        },
    })


def write_biases(rows: list[list[int]]) -> None:
    expected = {}
    for name in ["bias-all", "bias-lora-only", "every-linear", "rank-stabilised"]:
        merged = PeftModel.from_pretrained(base(), FIRST / "adapters" / name).merge_and_unload(safe_merge=True)
        expected[f"logits/{name}"] = run(merged, rows)[0]
    write_tensors(fresh(ROOT / "combining/merged") / "expected.safetensors", expected)


torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
ROWS = json.loads((FIRST / "manifest.json").read_text())["rows"][:1]
for each in (4, 8):
    write(each, ROWS)
write_biases(ROWS)
