"""What transformers and PEFT make of the published configurations: python tools/golden/published.py

Reads lora-djl/src/test/resources/golden/published/FAMILY/NAME.json, written by hand: the published settings, with what they leave out (but the
divisors of long RoPE, which are made up), and some that show what null, a missing key and older keys mean. Builds each model without memory for its weights, and writes beside it
NAME.txt, the printed tree, and expected.json: parameters, what PEFT trains at rank 8
with the default targets, windows, frequencies.
"""

import json
import os
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1")

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from files import write_json

logging.set_verbosity_error()

ROOT = Path(__file__).resolve().parents[2] / "lora-djl/src/test/resources/golden/published"
DEFAULTS = {"phi3": ["qkv_proj"]}  # a family that PEFT has no defaults for
LENGTHS = [64, 1_000_000]  # within and beyond what any of them was trained with

# as their publishers or model pages count them, where known to the last one
KNOWN = {
    "llama-7b": 6_738_415_616, "llama-13b": 13_015_864_320, "llama-30b": 32_528_943_616, "llama-65b": 65_285_660_672,
    "Llama-2-7b": 6_738_415_616, "Llama-2-13b": 13_015_864_320, "Llama-2-70b": 68_976_648_192,
    "Meta-Llama-3-8B": 8_030_261_248, "Meta-Llama-3-70B": 70_553_706_496, "Llama-3.1-8B": 8_030_261_248, "Llama-3.1-70B": 70_553_706_496,
    "Llama-3.1-405B": 405_853_388_800, "Llama-3.2-1B": 1_235_814_400, "Llama-3.2-3B": 3_212_749_824, "TinyLlama-1.1B-Chat-v1.0": 1_100_048_384,
    "SmolLM-135M": 134_515_008, "SmolLM-360M": 361_821_120, "SmolLM-1.7B": 1_711_376_384,
    "Mistral-7B-v0.1": 7_241_732_096, "Mistral-7B-v0.3": 7_248_023_552, "Mistral-Nemo-Base-2407": 12_247_782_400,
    "Qwen2-0.5B": 494_032_768, "Qwen2-1.5B": 1_543_714_304, "Qwen2-7B": 7_615_616_512, "Qwen2-72B": 72_706_203_648,
    "Qwen2.5-0.5B": 494_032_768, "Qwen2.5-1.5B": 1_543_714_304, "Qwen2.5-3B": 3_085_938_688, "Qwen2.5-7B": 7_615_616_512,
    "Qwen2.5-14B": 14_770_033_664, "Qwen2.5-32B": 32_763_876_352, "Qwen2.5-72B": 72_706_203_648,
    "Qwen3-4B": 4_022_468_096, "Qwen3-8B": 8_190_735_360, "Qwen3-14B": 14_768_307_200, "Qwen3-32B": 32_762_123_264,
    "gpt2": 124_439_808, "gpt2-medium": 354_823_168, "gpt2-large": 774_030_080, "gpt2-xl": 1_557_611_200, "distilgpt2": 81_912_576,
    "pythia-14m": 14_067_712, "pythia-70m": 70_426_624, "pythia-160m": 162_322_944, "pythia-410m": 405_334_016, "pythia-1b": 1_011_781_632,
    "pythia-1.4b": 1_414_647_808, "pythia-2.8b": 2_775_208_960, "pythia-6.9b": 6_857_302_016, "pythia-12b": 11_846_072_320,
    "gpt-neox-20b": 20_554_567_680, "opt-125m": 125_239_296, "opt-350m": 331_196_416, "opt-1.3b": 1_315_758_080, "opt-2.7b": 2_651_596_800,
    "opt-6.7b": 6_658_473_984, "Phi-3-mini-4k-instruct": 3_821_079_552, "Phi-3-mini-128k-instruct": 3_821_079_552,
    "Phi-3.5-mini-instruct": 3_821_079_552, "Phi-3-medium-4k-instruct": 13_960_238_080, "Phi-3-medium-128k-instruct": 13_960_238_080,
    "phi-1_5": 1_418_270_720, "phi-2": 2_779_683_840,
    "gemma-2-2b": 2_614_341_888, "gemma-2-9b": 9_241_705_984, "gemma-2-27b": 27_227_128_320,
    "gemma-3-270m": 268_098_176, "gemma-3-1b-pt": 999_885_952,
}


def build(file: Path):
    settings = json.loads(file.read_text())
    kind = settings.pop("model_type")
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **settings), dtype=torch.float32)


def windows(config) -> list[int]:
    """Of every layer; 0 where it sees everything."""
    window = getattr(config, "sliding_window", None) or 0
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        return [window] * config.num_hidden_layers
    return [window if kind == "sliding_attention" else 0 for kind in kinds]


def frequencies(model) -> dict:
    """By kind of layer: what the rotary module has for a short and for a long sequence, and its factor."""
    module = next((m for n, m in model.named_modules() if n.endswith("rotary_emb")), None)
    if module is None or getattr(model.config, "alibi", False):
        return {}
    result = {}
    nested = isinstance(module.rope_type, dict)
    for kind in sorted(set(model.config.layer_types)) if nested else ["all"]:
        arguments = (kind,) if nested else ()
        for length in LENGTHS:
            fresh = type(module)(config=model.config)
            fresh(torch.zeros(1), torch.tensor([[length - 1]]), *arguments)
            prefix = f"{kind}_" if nested else ""
            values = getattr(fresh, f"{prefix}inv_freq")
            result[f"{kind}/{length}"] = {
                "factor": float(getattr(fresh, f"{prefix}attention_scaling")),
                "count": len(values), "some": [values[i].item() for i in (0, len(values) // 3, 2 * len(values) // 3, len(values) - 1)],
            }
    return result


def describe(file: Path) -> dict:
    model = build(file)
    file.with_suffix(".txt").write_text(f"{model}\n")
    config = model.config
    parameters = sum(p.numel() for p in model.parameters())
    assert parameters == KNOWN.get(file.stem, parameters), (file.stem, parameters, KNOWN[file.stem])
    described = {"parameters": parameters, "windows": windows(config), "frequencies": frequencies(model)}
    if config.model_type.startswith("gemma"):
        described |= {"scalar": config.query_pre_attn_scalar, "score_cap": config.attn_logit_softcapping or 0, "logit_cap": config.final_logit_softcapping or 0}
    targets = DEFAULTS.get(config.model_type)
    peft = get_peft_model(model, LoraConfig(r=8, task_type="CAUSAL_LM", target_modules=targets))
    described["targets"] = sorted(peft.peft_config["default"].target_modules)
    described["trainable"] = int(peft.get_nb_trainable_parameters()[0])
    return described


def main() -> None:
    files = sorted(ROOT.glob("*/*.json"))
    expected = {f"{file.parent.name}/{file.stem}": describe(file) for file in files}
    write_json(ROOT / "expected.json", expected)
    print(len(expected), "configurations,", sum(name.split("/")[1] in KNOWN for name in expected), "of them with a known number of parameters")


if __name__ == "__main__":
    main()
