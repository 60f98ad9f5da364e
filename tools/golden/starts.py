"""Adapters that start from a part of the first tiny BLOOM (PiSSA, OLoRA): a curve, and their files, plain and converted.

    .venv/bin/python tools/golden/starts.py
"""

import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":  # PEFT writes the set of targets in hash order
    os.environ.update(PYTHONHASHSEED="0", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import shutil
import tempfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

import adapters
import forward
import training
from files import ROOT, fresh, token_rows, write_json, write_tensors

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

CHECKPOINT = ROOT / "power-of-two/checkpoint"


def load():
    return AutoModelForCausalLM.from_pretrained(CHECKPOINT, dtype=torch.float32)


def write_case(number: int, name: str) -> None:
    settings = training.SETTINGS | {"max_steps": 10, "max_grad_norm": 1.0, "learning_rate": 0.002}
    directory = fresh(ROOT / "starts" / name)
    peft = adapters.wrap(load(), name)
    with tempfile.TemporaryDirectory() as scratch:
        initial = Path(scratch) / "initial"
        peft.peft_config["default"].init_lora_weights = True
        peft.save_pretrained(initial)
        peft.peft_config["default"].init_lora_weights = adapters.STARTS[name]["init_lora_weights"]
        start = {key: p.detach().clone() for key, p in adapters.file_names(peft).items()}
        rows, labels = training.dataset(700 + number, 40)
        steps = training.train(peft, rows, labels, settings)
        adapters.save(peft, directory / "mutated", "golden/power-of-two")
        peft.eval()
        peft.save_pretrained(directory / "converted", path_initial_model_for_weight_conversion=initial, save_embedding_layers=False)
        (directory / "converted/README.md").unlink()
    for file in (directory / "converted").iterdir():
        file.chmod(0o644)
    tests = token_rows(800 + number, [12, 7], 101)
    expected = {f"logits/{i}": forward.run(peft, [row])[0] for i, row in enumerate(tests)}
    for path, module in peft.base_model.model.named_modules():
        if hasattr(module, "scaling") and hasattr(module, "lora_A"):
            a, b = (start[f"base_model.model.{path}.lora_{half}.weight"] for half in "AB")
            expected[f"start/{path}"] = module.scaling["default"] * b @ a
    write_tensors(directory / "expected.safetensors", expected)
    write_json(directory / "curve.json", {
        "checkpoint": "../../power-of-two/checkpoint", "settings": settings, "rows": rows, "labels": labels,
        "steps": steps, "undetermined": {}, "tests": tests,
    })


shutil.rmtree(ROOT / "starts", ignore_errors=True)
for number, name in enumerate(adapters.STARTS):
    write_case(number, name)
