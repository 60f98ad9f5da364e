"""Adapters of DoRA beside the first tiny BLOOM: logits, loss, gradients, and the loss curves of DoRA and LoRA+.

    .venv/bin/python tools/golden/dora.py
"""

import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":  # PEFT writes the set of targets in hash order
    os.environ.update(PYTHONHASHSEED="0", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import torch
from transformers import AutoModelForCausalLM

import adapters
import forward
import training
from files import ROOT, fresh, masked_labels, token_rows, write_json, write_tensors

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

DIRECTORY, CHECKPOINT = ROOT / "dora", ROOT / "power-of-two/checkpoint"
# name of the directory -> (adapter, rank)
CASES = {"rank-2": ("dora", 2), "rank-5": ("dora", 5), "patterns": ("dora-patterns", 4)}


def write_case(name: str, adapter: str, rank: int, seed: int) -> None:
    base = AutoModelForCausalLM.from_pretrained(CHECKPOINT, dtype=torch.float32).eval()
    peft = adapters.wrap(base, adapter, rank)
    fresh_magnitudes = {k: p.clone() for k, p in adapters.file_names(peft).items() if "magnitude" in k}
    adapters.randomise(peft, seed)
    adapters.save(peft, DIRECTORY / name / "adapter", "golden/power-of-two")
    rows, batch = token_rows(seed, [12, 7, 1], 101), token_rows(seed + 1, [11, 6, 9], 101)
    labels = masked_labels(batch, [4, 0, 7])
    expected = {f"logits/{i}": forward.run(peft.eval(), [row])[0] for i, row in enumerate(rows)}
    total = forward.loss(peft.train(), batch, labels)
    total.backward()
    names = {key.replace("magnitude_vector.weight", "magnitude_vector"): p for key, p in adapters.file_names(peft).items()}
    assert sorted(names) == adapters.saved_names(peft)
    expected |= {f"gradients/{key}": p.grad for key, p in names.items()}
    expected |= {f"fresh/{key.removesuffix('.weight')}": p for key, p in fresh_magnitudes.items()}
    write_tensors(DIRECTORY / name / "expected.safetensors", expected)
    write_json(DIRECTORY / name / "manifest.json", {
        "rows": rows, "loss": {"rows": batch, "labels": labels, "value": total.item()},
        "trainable": [int(n) for n in peft.get_nb_trainable_parameters()],
        "tensors": {
            "logits/I": "of rows[I]", "gradients/KEY": "of loss.value", "fresh/KEY": "magnitudes before they were changed",
        },
    })


fresh(DIRECTORY)
for number, (name, (adapter, rank)) in enumerate(CASES.items()):
    write_case(name, adapter, rank, 600 + 10 * number)
training.write_curves(ROOT / "training", CHECKPOINT, {"dora", "dora-patterns", "lora-plus", "lora-plus-dora"})
