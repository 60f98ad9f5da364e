"""Writes the golden files of everything an adapter may bring besides pairs beside the maps of blocks: python tools/golden/surface.py

Pairs beside the embedding and the head, whole modules (modules_to_save), biases, and resized vocabularies, on a base with a tied head at rank 2 and
on one with a head of its own at rank 3. Needs the packages of requirements.txt, no network and about a minute on a CPU.
"""

import json
import os
import sys
from pathlib import Path

if os.environ.get("PYTHONHASHSEED") != "0":  # PEFT writes the set of targets in hash order
    os.environ.update(PYTHONHASHSEED="0", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, Trainer

import checkpoints
import training
from files import ROOT, fresh, generator, masked_labels, token_rows, write_json, write_tensors
from forward import count, loss, run

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

QKV = ["query_key_value"]
NORMS = ["word_embeddings_layernorm", "input_layernorm", "ln_f"]
MORE = 107  # words of a resized vocabulary
CASES = {  # settings of LoraConfig; "words": the vocabulary is resized; "whole": the embeddings are saved
    "embedding": {"target_modules": ["word_embeddings"]},
    "embedding-saved-whole": {"target_modules": ["word_embeddings", "query_key_value"], "whole": True},
    "head": {"target_modules": ["lm_head", "dense"]},
    "norms": {"target_modules": QKV, "modules_to_save": NORMS},
    "norms-and-biases": {"target_modules": QKV, "modules_to_save": ["ln_f", "h.0.mlp"], "bias": "all"},
    "maps": {"target_modules": QKV, "modules_to_save": ["dense", "dense_4h_to_h"], "bias": "lora_only"},
    "whole-head": {"target_modules": QKV, "modules_to_save": ["lm_head", "ln_f"]},
    "whole-embedding": {"target_modules": ["query_key_value", "lm_head"], "modules_to_save": ["word_embeddings"]},
    "resized": {"target_modules": QKV, "words": MORE},
    "resized-embedding": {"target_modules": ["word_embeddings", "query_key_value"], "words": MORE},
    "resized-whole": {"target_modules": QKV, "modules_to_save": ["word_embeddings", "lm_head"], "words": MORE},
    "resized-whole-embedding": {"target_modules": QKV, "modules_to_save": ["word_embeddings"], "words": MORE},
    "dora-embedding": {"target_modules": ["word_embeddings", "query_key_value"], "use_dora": True},
    "dora-head": {"target_modules": ["lm_head", "dense"], "use_dora": True},
    "resized-dora-embedding": {"target_modules": ["word_embeddings"], "use_dora": True, "words": MORE},
}
CURVES = {"embedding": "embedding-saved-whole", "whole-modules": "whole-head"}


def checkpoint(directory: Path, tied: bool):
    model = checkpoints.random_model(seed=17, hidden=8, layers=2, heads=2)
    if not tied:
        model.config.tie_word_embeddings = False
        g = generator(18)
        model.lm_head.weight = torch.nn.Parameter(torch.randn(model.lm_head.weight.shape, generator=g) * 0.4)
    fresh(directory)
    model.save_pretrained(directory)
    return checkpoints.finish(directory, model, {})


def load(directory: Path, words: int | None):
    base = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    if words:
        base.resize_token_embeddings(words, mean_resizing=False)
        with torch.no_grad():
            for seed, table in enumerate((base.get_input_embeddings(), base.get_output_embeddings())):
                if seed == 0 or not base.config.tie_word_embeddings:
                    shape = words - checkpoints.VOCABULARY, table.weight.shape[1]
                    table.weight[checkpoints.VOCABULARY:] = torch.randn(shape, generator=generator(seed)) * 0.4
                if getattr(table, "bias", None) is not None:
                    table.bias[checkpoints.VOCABULARY:] = torch.randn(words - checkpoints.VOCABULARY, generator=generator(7)) * 0.4
    return base


def wrap(base, case: dict, rank: int) -> PeftModel:
    settings = {k: v for k, v in case.items() if k not in ("words", "whole")}
    return get_peft_model(base, LoraConfig(r=rank, lora_alpha=2 * rank, task_type="CAUSAL_LM", **settings))


def randomise(peft: PeftModel, seed: int, fresh_start: bool = False) -> None:
    """Fills what is trainable; a fresh start is PEFT's own, from this seed."""
    g = generator(seed)
    with torch.no_grad():
        for name, p in peft.named_parameters():
            if not p.requires_grad:
                continue
            noise = torch.randn(p.shape, generator=g)
            if "embedding_A" in name:
                p.zero_() if fresh_start else p.copy_(noise * 0.3)
            elif "embedding_B" in name:
                p.copy_(noise if fresh_start else noise * 0.3)
            elif "lora_A" in name:
                p.copy_(noise * 0.5 / p.shape[1] ** 0.5)
            elif "lora_B" in name:
                p.zero_() if fresh_start else p.copy_(noise * 0.3)
            elif not fresh_start:
                p.add_(noise * 0.1)


def save(peft: PeftModel, directory: Path, base: Path, whole: bool = False) -> None:
    """PEFT's own two files, told where the base is: it looks there whether the vocabulary was resized."""
    fresh(directory)
    config = peft.peft_config["default"]
    config.base_model_name_or_path = str(base)
    peft.save_pretrained(directory, save_embedding_layers=True if whole else "auto")
    (directory / "README.md").unlink()
    (directory / "adapter_model.safetensors").chmod(0o644)
    path = directory / "adapter_config.json"
    text = path.read_text().replace(json.dumps(str(base)), json.dumps(f"golden/{base.parent.name}"))
    path.write_text(text)
    config.base_model_name_or_path = None


def plain(name: str) -> str:
    """A parameter's name in Java's memory."""
    name = name.removeprefix("base_model.model.").replace(".modules_to_save.default", "").replace(".base_layer", "")
    return name.replace(".default", "").replace("lora_embedding_", "lora_").removesuffix(".weight") if "lora_" in name else name


def write_cases(directory: Path, base, cases: dict, rank: int, seed: int) -> None:
    """The base is the one in the directory's checkpoint."""
    rows = token_rows(seed, [7, 3], checkpoints.VOCABULARY)
    batch = token_rows(seed + 1, [9, 6, 4], checkpoints.VOCABULARY)
    labels = masked_labels(batch, [3, 0, 1])
    described, losses = {}, {"base": loss(base, batch, labels).item()}
    for number, (name, settings) in enumerate(cases.items()):
        words = settings.get("words")
        own_rows = [row + [words - 1 - i] for i, row in enumerate(rows)] if words else rows
        own_batch = [row + [words - 2] for row in batch] if words else batch
        own_labels = [row + [words - 2] for row in labels] if words else labels
        peft = wrap(load(directory / "checkpoint", words), settings, rank)
        randomise(peft, seed + 10 + number)
        target = directory / "adapters" / name
        save(peft, target, directory / "checkpoint", settings.get("whole", False))
        reloaded = PeftModel.from_pretrained(load(directory / "checkpoint", words), target)
        expected = {f"logits/{i}": run(peft, [row])[0] for i, row in enumerate(own_rows)}
        assert torch.equal(run(reloaded, own_rows[:1])[0], expected["logits/0"]), name
        merged = run(reloaded.merge_and_unload(safe_merge=True), own_rows[:1])[0]
        follows = tied and any(word in settings["target_modules"] for word in ("word_embeddings", "lm_head")) and "modules_to_save" not in settings
        assert follows != torch.allclose(merged, expected["logits/0"], atol=1e-4), name  # PEFT merges into the matrix that both compute with
        if not follows:
            expected["merged/0"] = merged
        total = loss(peft.train(), own_batch, own_labels)
        total.backward()
        trained = {plain(n): p for n, p in peft.named_parameters() if p.requires_grad}
        assert all(p.grad.abs().max() > 1e-5 for p in trained.values()), name
        expected |= {f"gradients/{key}": p.grad for key, p in trained.items()}
        write_tensors(target / "expected.safetensors", expected)
        described[name] = {
            "rows": own_rows, "loss": total.item(), "loss_rows": own_batch, "labels": own_labels, "words": words or checkpoints.VOCABULARY,
            "trainable": [int(n) for n in peft.get_nb_trainable_parameters()],
        }
    write_tensors(directory / "expected.safetensors", {f"base/logits/{i}": run(base, [row])[0] for i, row in enumerate(rows)})
    write_json(directory / "manifest.json", {
        "checkpoint": "checkpoint", "rows": rows, "adapters": described,
        "loss": {"rows": batch, "labels": labels, "label_tokens": count(labels), "values": losses},
        "tensors": {
            "adapters/NAME/expected.safetensors: logits/I": "[length, words] of rows[I] of that adapter",
            "adapters/NAME/expected.safetensors: merged/0": "after merge_and_unload; not there where PEFT's merged model differs from its adapter's",
            "adapters/NAME/expected.safetensors: gradients/KEY": "of the adapter's loss, KEY without PEFT's wrappers",
        },
    })


def check_decay(trainer: Trainer, peft: PeftModel) -> None:
    """Weight decay holds for every matrix and for no vector."""
    decayed = set(trainer.get_decay_parameter_names(peft))
    for name, p in peft.named_parameters():
        assert not p.requires_grad or (name in decayed) == (p.dim() > 1), name


def write_curve(directory: Path, case: str, base: Path, number: int) -> None:
    settings = training.SETTINGS | {"max_steps": 10, "max_grad_norm": 1.0}
    target = fresh(directory)
    peft = wrap(load(base, None), CASES[case], 2)
    randomise(peft, 700 + number, fresh_start=True)
    save(peft, target / "initial", base)
    peft = PeftModel.from_pretrained(load(base, None), target / "initial", is_trainable=True)
    rows, labels = training.dataset(800 + number, 40)
    training.check_decay = check_decay
    steps = training.train(peft, rows, labels, settings)
    save(peft, target / "final", base)
    write_json(target / "curve.json", {
        "checkpoint": f"../../{base.parent.name}/checkpoint", "initial": "initial", "final": "final",
        "settings": settings, "rows": rows, "labels": labels, "steps": steps, "undetermined": {},
    })


def main() -> None:
    for directory, tied, rank, seed in ((ROOT / "tied", True, 2, 500), (ROOT / "untied", False, 3, 600)):
        write_cases(directory, checkpoint(directory / "checkpoint", tied), CASES, rank, seed)
    for number, (name, case) in enumerate(CURVES.items()):
        write_curve(ROOT / "training" / name, case, ROOT / "untied" / "checkpoint", number)


if __name__ == "__main__":
    main()
