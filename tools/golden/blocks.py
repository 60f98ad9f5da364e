"""PEFT on an nn.Sequential, for blocks of Deep Java Library: logits, gradients, a training curve, adapter files.

    PYTHONHASHSEED=0 .venv/bin/python tools/golden/blocks.py
"""

from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from files import fresh, generator, write_json, write_tensors

ROOT = Path(__file__).resolve().parents[2] / "lora-djl/src/test/resources/golden/block"
WIDTHS, ROWS, STEPS, LEARNING_RATE = (6, 16, 12, 5), 9, 10, 0.05
RANKS = {"rank-2": dict(r=2, lora_alpha=8), "rank-5": dict(r=5, lora_alpha=7, use_rslora=True, bias="lora_only")}
TARGETS = ["0", "2", "4"]


def base() -> nn.Sequential:
    a, b, c, d = WIDTHS
    model, g = nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.Tanh(), nn.Linear(c, d)), generator(1)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=g) * 0.3)
    return model


def in_memory(name: str) -> str:
    """The name that lora-core gives a tensor."""
    name = name.removeprefix("base_model.model.").replace(".default", "").replace(".base_layer", "")
    return name.removesuffix(".weight") if ".lora_" in name else name


def trained(peft: PeftModel) -> dict[str, nn.Parameter]:
    return {in_memory(n): p for n, p in peft.named_parameters() if p.requires_grad}


def save(peft: PeftModel, directory: Path) -> None:
    peft.save_pretrained(fresh(directory))
    (directory / "README.md").unlink()
    for file in directory.iterdir():
        file.chmod(0o644)


def adapter(name: str, settings: dict, x, labels) -> None:
    """Ten steps of SGD; what is compared is taken before the first, during, and after the last."""
    g, directory = generator(len(name)), ROOT / name
    peft = get_peft_model(base(), LoraConfig(target_modules=TARGETS, lora_dropout=0.0, **settings))
    with torch.no_grad():
        for p in trained(peft).values():
            p.copy_(torch.randn(p.shape, generator=g) * 0.3)
    save(peft, directory / "initial")
    optimizer = torch.optim.SGD([p for p in peft.parameters() if p.requires_grad], lr=LEARNING_RATE)
    expected, losses = {"logits.initial": peft(x)}, []
    for step in range(STEPS):
        loss = nn.functional.cross_entropy(peft(x), labels)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        if step == 0:
            expected |= {f"gradient.{n}": p.grad.clone() for n, p in trained(peft).items()}
        optimizer.step()
    expected |= {f"final.{n}": p for n, p in trained(peft).items()} | {"logits.final": peft(x)}
    save(peft, directory / "final")
    write_tensors(directory / "expected.safetensors", expected)
    write_json(directory / "curve.json", {"learning_rate": LEARNING_RATE, "losses": losses})


def main() -> None:
    fresh(ROOT)
    g, model = generator(2), base()
    x, labels = torch.randn((ROWS, WIDTHS[0]), generator=g), torch.randint(WIDTHS[-1], (ROWS,), generator=g)
    write_tensors(ROOT / "base.safetensors", dict(model.named_parameters()))
    write_tensors(ROOT / "inputs.safetensors", {"x": x, "labels": labels.float(), "logits": model(x)})
    (ROOT / "tree.txt").write_text(str(model) + "\n")
    for name, settings in RANKS.items():
        adapter(name, settings, x, labels)


if __name__ == "__main__":
    main()
