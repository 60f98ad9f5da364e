"""What an adapter may bring beside a block of Deep Java Library: PEFT on an nn.Sequential, at two ranks.

    .venv/bin/python tools/golden/block_surface.py

After blocks.py, whose base it uses. DoRA, biases, patterns, whole modules, fan_in_fan_out, PiSSA and OLoRA converted, weighted sums, merged weights.
"""

import json
import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":  # PEFT writes the set of targets in hash order
    os.environ.update(PYTHONHASHSEED="0", HF_HUB_OFFLINE="1")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import shutil
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers.pytorch_utils import Conv1D

from blocks import ROOT, TARGETS, base, in_memory, save
from files import generator, write_json, write_tensors
from safetensors.torch import load_file

CASES = {
    "bias-all": {"target_modules": ["0", "2"], "bias": "all"},
    "bias-lora-only": {"target_modules": ["0", "2"], "bias": "lora_only"},
    "dora": {"target_modules": TARGETS, "use_dora": True},
    "dora-patterns": {
        "target_modules": TARGETS, "use_dora": True, "use_rslora": True, "bias": "lora_only",
        "rank_pattern": {"2": 3}, "alpha_pattern": {"^0": 3},
    },
    "fan-in-fan-out": {"target_modules": ["0", "2"], "fan_in_fan_out": True},
    "modules-to-save": {"target_modules": ["0"], "modules_to_save": ["4"]},
    "olora": {"target_modules": TARGETS, "init_lora_weights": "olora"},
    "patterns": {"target_modules": TARGETS, "rank_pattern": {"2": 3, "4": 1}, "alpha_pattern": {"0": 3, "4": 9}},
    "pissa": {"target_modules": TARGETS, "init_lora_weights": "pissa"},
    "rank-stabilised": {"target_modules": ["2", "4"], "use_rslora": True},
    "dora-fan-in-fan-out": {"target_modules": ["0", "2"], "fan_in_fan_out": True, "use_dora": True},
}
PLAIN = ("patterns", "rank-stabilised")  # what is summed
WEIGHTS = [0.7, -0.4]


def own_base(name: str) -> nn.Sequential:
    model = base()
    if name.endswith("fan-in-fan-out"):  # GPT-2's kind of linear map: its weight is (in, out)
        for at in ("0", "2"):
            linear = model.get_submodule(at)
            turned = Conv1D(linear.out_features, linear.in_features)
            turned.weight, turned.bias = nn.Parameter(linear.weight.t().contiguous()), linear.bias
            model[int(at)] = turned
    return model


def name_in_memory(name: str) -> str:
    return in_memory(name.replace(".modules_to_save", ""))


def randomise(peft: PeftModel, seed: int) -> None:
    g = generator(seed)
    with torch.no_grad():
        for name, p in peft.named_parameters():
            if p.requires_grad:
                noise = torch.randn(p.shape, generator=g) * 0.3
                p.copy_(noise) if "lora_A" in name or "lora_B" in name else p.add_(noise)


def merged(peft: PeftModel) -> dict[str, torch.Tensor]:
    model = peft.merge_and_unload(safe_merge=True)
    weights = {n: p.detach() for n, p in model.named_parameters()}
    for at, module in model.named_children():
        if isinstance(module, Conv1D):
            weights[f"{at}.weight"] = module.weight.detach().t().contiguous()
    return weights


def converted(peft: PeftModel, name: str, directory: Path, x, labels) -> PeftModel:
    """Some steps from a part of the base, saved as plain LoRA of twice the rank."""
    with tempfile.TemporaryDirectory() as scratch:
        peft.peft_config["default"].init_lora_weights = True
        peft.save_pretrained(scratch)
        peft.peft_config["default"].init_lora_weights = CASES[name]["init_lora_weights"]
        optimizer = torch.optim.SGD([p for p in peft.parameters() if p.requires_grad], lr=0.05)
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(peft(x), labels).backward()
            optimizer.step()
        peft.save_pretrained(directory, path_initial_model_for_weight_conversion=scratch)
    (directory / "README.md").unlink()
    for file in directory.iterdir():
        file.chmod(0o644)
    plain = PeftModel.from_pretrained(base(), directory, is_trainable=True)
    assert torch.allclose(plain(x), peft(x), atol=1e-6), name
    return plain


def write_case(directory: Path, name: str, rank: int, seed: int, x, labels) -> dict[str, torch.Tensor]:
    peft = get_peft_model(own_base(name), LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, **CASES[name]))
    directory.mkdir(parents=True)
    if name in ("olora", "pissa"):
        peft = converted(peft, name, directory, x, labels)
    else:
        randomise(peft, seed)
        save(peft, directory)
    expected = {"logits": peft(x)}
    nn.functional.cross_entropy(expected["logits"], labels).backward()
    expected |= {f"gradient.{name_in_memory(n)}": p.grad for n, p in peft.named_parameters() if p.requires_grad}
    return expected | {f"merged.{n}": p for n, p in merged(peft).items()}


def sums(directory: Path, rank: int, x) -> dict[str, torch.Tensor]:
    peft = PeftModel.from_pretrained(base(), directory / PLAIN[0], adapter_name="a")
    peft.load_adapter(directory / PLAIN[1], adapter_name="b")
    peft.add_weighted_adapter(["a", "b"], WEIGHTS, "cat", combination_type="cat")
    peft.add_weighted_adapter(["a", "b"], WEIGHTS, "svd", combination_type="svd", svd_rank=rank)
    expected = {}
    for name in ("cat", "svd"):
        peft.set_adapter(name)
        expected[f"{name}.logits"] = peft(x)
    peft.set_adapter("cat")
    return expected | {f"cat.merged.{n}": p for n, p in merged(peft).items()}


def mixed(directory: Path, x) -> tuple[list[str], torch.Tensor]:
    """Rows of one batch under two adapters and none, in turn."""
    peft = PeftModel.from_pretrained(base(), directory / PLAIN[0], adapter_name=PLAIN[0]).eval()
    peft.load_adapter(directory / PLAIN[1], adapter_name=PLAIN[1])
    names = [(*PLAIN, "__base__")[row % 3] for row in range(len(x))]
    return names, peft(x, adapter_names=names)


def main() -> None:
    torch.use_deterministic_algorithms(True)
    inputs = load_file(ROOT / "inputs.safetensors")
    x, labels = inputs["x"], inputs["labels"].long()
    for rank in (2, 4):
        directory = ROOT / f"surface/rank-{rank}"
        shutil.rmtree(directory, ignore_errors=True)
        expected = {}
        for number, name in enumerate(CASES):
            case = write_case(directory / name, name, rank, 100 * rank + number, x, labels)
            expected |= {f"{name}.{key}": tensor for key, tensor in case.items()}
        expected |= sums(directory, rank, x)
        rows, expected["mixed.logits"] = mixed(directory, x)
        write_tensors(directory / "expected.safetensors", expected)
        write_json(directory / "manifest.json", {"cases": list(CASES), "summed": PLAIN, "weights": WEIGHTS, "svd_rank": rank, "rows": rows})


if __name__ == "__main__":
    main()
