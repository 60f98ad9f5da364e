"""PEFT adapters whose A and B (and biases) are all different from their initial values."""

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict

from files import fresh, generator

ALL = ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]
CASES = {
    "attention": {"target_modules": ["query_key_value"]},
    "every-linear": {"target_modules": ALL},
    "bias-all": {"target_modules": ["query_key_value"], "bias": "all"},
    "bias-lora-only": {"target_modules": ["query_key_value", "dense"], "bias": "lora_only"},
    "rank-stabilised": {"target_modules": ["query_key_value"], "use_rslora": True},
}
# written by starts.py, to files of their own
STARTS = {
    "pissa": {"target_modules": ["query_key_value"], "init_lora_weights": "pissa", "lora_alpha": 6},
    "olora": {
        "target_modules": ["query_key_value", "dense"], "init_lora_weights": "olora", "lora_alpha": 2,
        "rank_pattern": {"dense": 2}, "alpha_pattern": {"dense": 1},
    },
    "pissa-rslora": {
        "target_modules": ["query_key_value"], "init_lora_weights": "pissa", "lora_alpha": 6, "use_rslora": True,
    },
}
# written by dora.py, to files of their own
DORA = {
    "dora": {"target_modules": ["query_key_value"], "use_dora": True},
    "dora-patterns": {
        "target_modules": ALL, "use_dora": True, "use_rslora": True, "bias": "lora_only",
        "rank_pattern": {"mlp.dense_h_to_4h": 2}, "alpha_pattern": {"h.1.self_attention.dense": 20},
    },
}


def wrap(base, name: str, rank: int = 4) -> PeftModel:
    case = {"lora_alpha": 8} | (CASES | DORA | STARTS)[name]
    config = LoraConfig(r=rank, lora_dropout=0.0, task_type="CAUSAL_LM", **case)
    return get_peft_model(base, config)


def randomise(peft: PeftModel, seed: int, fresh_start: bool = False) -> None:
    """Fills what is trainable; a fresh start has PEFT's spread of A, zeros in B and the base's biases."""
    g = generator(seed)
    with torch.no_grad():
        for name, p in peft.named_parameters():
            if not p.requires_grad:
                continue
            noise = torch.randn(p.shape, generator=g)
            if "lora_A" in name:
                p.copy_(noise * (0.5 if fresh_start else 1.0) / p.shape[1] ** 0.5)
            elif "lora_B" in name:
                p.zero_() if fresh_start else p.copy_(noise * 0.2)
            elif not fresh_start:
                p.add_(noise * 0.1)


def save(peft: PeftModel, directory: Path, base_name: str) -> None:
    """PEFT's own two files; the model card is left out."""
    fresh(directory)
    peft.peft_config["default"].base_model_name_or_path = base_name
    peft.save_pretrained(directory, save_embedding_layers=False)
    (directory / "README.md").unlink()
    (directory / "adapter_model.safetensors").chmod(0o644)


def file_names(peft: PeftModel) -> dict[str, torch.nn.Parameter]:
    """Trainable parameters by the name that PEFT's file gives them."""
    return {name.replace(".default", ""): p for name, p in peft.named_parameters() if p.requires_grad}


def saved_names(peft: PeftModel) -> list[str]:
    return sorted(get_peft_model_state_dict(peft, save_embedding_layers=False))
