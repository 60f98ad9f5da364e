"""A batch whose rows see different adapters: PEFT's `adapter_names`, logits and greedy tokens."""

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from adapters import randomise, save
from files import fresh, token_rows, write_json, write_tensors
from generation import MARGIN, settings

# name: rank, alpha, targets
ADAPTERS = {
    "a0": (2, 8, ["query_key_value"]),
    "a1": (6, 6, ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"]),
}
ROWS = ["__base__", "a0", "a1", "a0"]
NEW_TOKENS = 16


def load(checkpoint: Path):
    return AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)


def write_mixed(directory: Path, checkpoint: Path) -> None:
    fresh(directory)
    for seed, (name, (rank, alpha, targets)) in enumerate(ADAPTERS.items(), start=900):
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, task_type="CAUSAL_LM")
        model = get_peft_model(load(checkpoint), config)
        randomise(model, seed)
        save(model, directory / name, "../power-of-two/checkpoint")
    both = PeftModel.from_pretrained(load(checkpoint), directory / "a0", adapter_name="a0").eval()
    both.load_adapter(directory / "a1", adapter_name="a1")
    prompts = token_rows(911, [7, 7, 7, 7], 101)  # of one length: no padding in the reference
    ids = torch.tensor(prompts)
    mask = torch.ones_like(ids)
    with torch.no_grad():
        logits = both(input_ids=ids, attention_mask=mask, adapter_names=ROWS).logits
        out = both.generate(
            input_ids=ids, attention_mask=mask, adapter_names=ROWS,
            generation_config=settings(
                max_new_tokens=NEW_TOKENS, output_scores=True, return_dict_in_generate=True
            ),
        )
    margin = min((s.topk(2).values[:, 0] - s.topk(2).values[:, 1]).min().item() for s in out.scores)
    assert margin > MARGIN, f"two tokens are nearly equal ({margin}): choose another seed"
    tokens = out.sequences[:, ids.shape[1]:].tolist()
    assert min(map(min, tokens)) > 3, "no special token, or the text would not show it"
    assert len({tuple(t) for t in tokens}) == len(ROWS)
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    write_tensors(directory / "expected.safetensors", {"logits": logits})
    write_json(directory / "manifest.json", {
        "rows": ROWS, "prompts": prompts, "prompt_texts": [tokenizer.decode(p) for p in prompts],
        "max_new_tokens": NEW_TOKENS, "smallest_margin": round(margin, 6),
        "new_tokens": tokens, "new_texts": [tokenizer.decode(t) for t in tokens],
        "note": "expected.safetensors: logits of one forward with adapter_names=rows (row, position, vocabulary)",
    })
