"""Logits, losses and gradients of one checkpoint, bare and under each adapter."""

from pathlib import Path

import torch
from peft import PeftModel
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

import adapters
from files import masked_labels, pad, token_rows, write_json, write_tensors

TEXTS = ["the cat (and that tin) sat.", "a tree, two  ties\n the end!"]


def write_case(directory: Path, make_checkpoint, seed: int, half: bool) -> None:
    base = make_checkpoint(directory / "checkpoint")
    (directory / "tree.txt").write_text(f"{base}\n")
    vocabulary = base.config.vocab_size
    rows = token_rows(seed, [12, 7, 1], vocabulary)
    batch = token_rows(seed + 1, [11, 6, 9], vocabulary)
    labels = masked_labels(batch, [4, 0, 7])
    expected = logits("base", base, rows)
    losses = {"base": loss(base, batch, labels).item()}
    if half:
        for name, dtype in [("bf16", torch.bfloat16), ("fp16", torch.float16)]:
            model = AutoModelForCausalLM.from_pretrained(directory / "checkpoint", dtype=dtype).eval()
            expected |= {f"{name}/logits/{i}": run(model, [row])[0] for i, row in enumerate(rows)}

    described = {}
    for number, name in enumerate(adapters.CASES):
        model = AutoModelForCausalLM.from_pretrained(directory / "checkpoint", dtype=torch.float32).eval()
        peft = adapters.wrap(model, name)
        adapters.randomise(peft, seed + 10 + number)
        adapters.save(peft, directory / "adapters" / name, f"golden/{directory.name}")
        check_file(directory, name, peft, rows)
        expected |= logits(f"adapters/{name}", peft, rows)
        total = loss(peft.train(), batch, labels)
        total.backward()
        losses[f"adapters/{name}"] = total.item()
        trained = adapters.file_names(peft)
        assert sorted(trained) == adapters.saved_names(peft)
        assert all(p.grad.abs().max() > 1e-4 for p in trained.values())
        expected |= {f"adapters/{name}/gradients/{key}": p.grad for key, p in trained.items()}
        described[name] = {
            "directory": f"adapters/{name}",
            "scaling": peft.base_model.model.transformer.h[0].self_attention.query_key_value.scaling["default"],
            "trainable": [int(n) for n in peft.get_nb_trainable_parameters()],
        }

    write_tensors(directory / "expected.safetensors", expected)
    tokenizer = Tokenizer.from_file(str(directory / "checkpoint/tokenizer.json"))
    write_json(directory / "manifest.json", {
        "checkpoint": "checkpoint",
        "tree": "tree.txt",
        "rows": rows,
        "loss": {"rows": batch, "labels": labels, "label_tokens": count(labels), "values": losses},
        "adapters": described,
        "texts": [{"text": t, "ids": tokenizer.encode(t).ids} for t in TEXTS],
        "tensors": {
            "PREFIX/logits/I": "[length, vocabulary] of rows[I] run alone; PREFIX is base, adapters/NAME, bf16 or fp16",
            "PREFIX/left_padded/I": "the same row out of one left-padded batch with an attention mask, real positions",
            "PREFIX/right_padded/I": "the same row out of one right-padded batch",
            "adapters/NAME/gradients/KEY": "of loss.values[adapters/NAME], KEY as in adapter_model.safetensors",
            "losses": "Hugging Face's mean over label_tokens labels, the first token of a row never being one",
        },
    })


def run(model, rows: list[list[int]], left: bool = True) -> list[torch.Tensor]:
    """Logits at the real positions of one padded batch."""
    ids, mask = pad(rows, 3, left), pad([[1] * len(r) for r in rows], 0, left)
    with torch.no_grad():
        scores = model(input_ids=ids, attention_mask=mask).logits
    return [scores[i][mask[i].bool()] for i in range(len(rows))]


def logits(prefix: str, model, rows: list[list[int]]) -> dict[str, torch.Tensor]:
    alone = [run(model, [row])[0] for row in rows]
    result = {f"{prefix}/logits/{i}": one for i, one in enumerate(alone)}
    for side in ("left", "right"):
        padded = run(model, rows, left=side == "left")
        for i, one in enumerate(padded):
            assert torch.allclose(one, alone[i], atol=2e-5), (prefix, side, i)
            result[f"{prefix}/{side}_padded/{i}"] = one
    return result


def loss(model, rows: list[list[int]], labels: list[list[int]]) -> torch.Tensor:
    """Hugging Face's loss of a right-padded batch: the mean over the label tokens of all rows."""
    mask = pad([[1] * len(r) for r in rows], 0, left=False)
    return model(
        input_ids=pad(rows, 3, left=False), attention_mask=mask, labels=pad(labels, -100, left=False)
    ).loss


def count(labels: list[list[int]]) -> int:
    """Labels that are predicted: the first token of a row never is."""
    return sum(label != -100 for row in labels for label in row[1:])


def check_file(directory: Path, name: str, peft: PeftModel, rows: list[list[int]]) -> None:
    """The saved adapter on the saved checkpoint is the model in memory."""
    base = AutoModelForCausalLM.from_pretrained(directory / "checkpoint", dtype=torch.float32).eval()
    loaded = PeftModel.from_pretrained(base, directory / "adapters" / name)
    assert torch.equal(run(loaded, rows[:1])[0], run(peft, rows[:1])[0]), name
