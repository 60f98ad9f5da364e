"""adapter_config.json as PEFT writes it, for configurations that lora-core's tests build themselves.

    .venv/bin/python tools/golden/configs.py
"""

import json
import shutil
from pathlib import Path

from peft import LoraConfig

ROOT = Path(__file__).resolve().parents[2] / "lora-core/src/test/resources/golden/configs"

# one target each: PEFT leaves the order of several to chance
CASES = {
    "defaults": {},
    "walkthrough": dict(
        r=8, lora_alpha=16, lora_dropout=0.05, target_modules=["query_key_value"], bias="none",
        task_type="CAUSAL_LM", base_model_name_or_path="bigscience/bloom-3b",
    ),
    "patterns": dict(
        target_modules=["dense"], rank_pattern={"h.0.dense": 2, "^dense": 4, "a.b": 16},
        alpha_pattern={"h.1": 32, "h.0": 0.5}, use_rslora=True,
    ),
    "regex": dict(target_modules=r".*\.(q_proj|v_proj)$", exclude_modules=r".*vision.*", init_lora_weights="gaussian"),
    "layers": dict(target_modules=["c_attn"], layers_to_transform=[0, 11], layers_pattern=["h"], fan_in_fan_out=True),
    "bias": dict(target_modules=["fc"], bias="lora_only", init_lora_weights=False, task_type="SEQ_CLS", r=1),
    "numbers": dict(target_modules=["fc"], lora_dropout=1e-05, lora_alpha=12.5, exclude_modules=["head"]),
    "text": dict(target_modules=["fc"], base_model_name_or_path='/models/"größe" \\ 漢😀\x7f', revision="main"),
}


def main() -> None:
    shutil.rmtree(ROOT, ignore_errors=True)
    for name, settings in CASES.items():
        config = LoraConfig(**settings)
        config.inference_mode = True  # as PeftModel.save_pretrained sets it
        config.save_pretrained(ROOT / name)


if __name__ == "__main__":
    main()
