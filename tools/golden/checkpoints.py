"""Tiny BLOOM checkpoints in Hugging Face layout, with weights that leave no term of the model unseen."""

import json
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, BloomConfig, BloomForCausalLM
from transformers.utils import logging

from files import fresh, generator, write_json

logging.set_verbosity_error()
logging.disable_progress_bar()

VOCABULARY = 101
SPECIALS = ["<unk>", "<s>", "</s>", "<pad>"]
SPLIT = r" ?[^(\s|[.,!?…。，、।۔،])]+"


def power_of_two(directory: Path):
    """Prefixed names, one file, today's configuration keys."""
    model = random_model(seed=11, hidden=32, layers=2, heads=4)
    fresh(directory)
    model.save_pretrained(directory)
    return finish(directory, model, {})


def six_heads(directory: Path):
    """Bare names, shards with an index, and the configuration keys of the published BLOOM models."""
    model = random_model(seed=13, hidden=36, layers=3, heads=6)
    fresh(directory)
    model.transformer.save_pretrained(directory, max_shard_size="64KB")
    return finish(directory, model, {"hidden_size": "n_embed", "n_head": "num_attention_heads"})


def random_model(seed: int, hidden: int, layers: int, heads: int) -> BloomForCausalLM:
    config = BloomConfig(
        vocab_size=VOCABULARY, hidden_size=hidden, n_layer=layers, n_head=heads,
        bos_token_id=1, eos_token_id=2, pad_token_id=3, torch_dtype="float32",
    )
    model = BloomForCausalLM(config).eval()
    g = generator(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            if name.endswith("word_embeddings.weight"):
                p.copy_(noise * 0.4)
            elif name.endswith("ln_f.weight"):
                p.copy_(noise)  # both signs: with a tied head the model would else repeat its last token
            elif "layernorm" in name or "ln_f" in name:
                p.copy_(noise * 0.2 + (1.0 if name.endswith("weight") else 0.0))
            elif name.endswith("bias"):
                p.copy_(noise * 0.2)
            else:
                p.copy_(noise * 1.2 / p.shape[1] ** 0.5)
    return model


def finish(directory: Path, model: BloomForCausalLM, renamed: dict[str, str]) -> BloomForCausalLM:
    """Evens out the configuration, adds the tokenizer, and proves that the directory gives the model back."""
    path = directory / "config.json"
    config = json.loads(path.read_text())
    config["architectures"] = ["BloomForCausalLM"]
    config = {renamed.get(key, key): value for key, value in config.items()}
    write_json(path, dict(sorted(config.items())))
    (directory / "generation_config.json").unlink(missing_ok=True)
    write_tokenizer(directory)
    loaded = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    for (name, p), (_, q) in zip(model.named_parameters(), loaded.named_parameters(), strict=True):
        assert torch.equal(p, q), name
    return loaded


def write_tokenizer(directory: Path) -> None:
    """Byte-level BPE like BLOOM's: printable ASCII, the line feed and one merge."""
    pieces = SPECIALS + [chr(c) for c in range(33, 127)] + ["Ġ", "Ċ", "Ġt"]
    assert len(pieces) == VOCABULARY
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, [("Ġ", "t")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(s, normalized=False) for s in SPECIALS])
    tokenizer.save(str(directory / "tokenizer.json"))
    write_json(directory / "tokenizer_config.json", {
        "add_prefix_space": False, "bos_token": "<s>", "clean_up_tokenization_spaces": False,
        "eos_token": "</s>", "model_max_length": 2048, "pad_token": "<pad>", "padding_side": "left",
        "tokenizer_class": "BloomTokenizerFast", "unk_token": "<unk>",
    })
