"""A small model of linear maps with PEFT adapters: outputs, gradients, files and model cards.

    PYTHONHASHSEED=0 .venv/bin/python tools/golden/mlp.py
"""

import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import BloomConfig, BloomForCausalLM

from files import fresh, generator, write_tensors

ROOT = Path(__file__).resolve().parents[2] / "lora-core/src/test/resources/golden"
WIDTH, HIDDEN, CLASSES, LAYERS, ROWS = 6, 10, 5, 2, 7
BOTH = ["up", "down"]
CASES = {
    "one-target": dict(r=3, lora_alpha=7, target_modules=["up"]),
    "both-targets": dict(r=2, lora_alpha=16, target_modules=BOTH),
    "rank-stabilised": dict(r=4, lora_alpha=8, target_modules=["down"], use_rslora=True),
    "patterns": dict(
        r=4, lora_alpha=8, target_modules=BOTH, rank_pattern={"up": 1, "0.down": 5},
        alpha_pattern={"1.down": 20}, use_rslora=True,
    ),
    "layer": dict(r=2, target_modules=["up"], layers_to_transform=[1], layers_pattern=["layers"]),
    "all-linear": dict(r=1, target_modules=r"layers\.\d\.(up|down)|head"),
    "bias-all": dict(r=2, target_modules=["up"], bias="all"),
    "dora": dict(r=2, lora_alpha=6, target_modules=BOTH, use_dora=True),
    "dora-patterns": dict(
        r=4, lora_alpha=8, target_modules=BOTH + ["head"], rank_pattern={"up": 1}, alpha_pattern={"1.down": 20},
        use_rslora=True, use_dora=True, bias="lora_only",
    ),
    "bias-lora-only": dict(r=2, target_modules=["down"], bias="lora_only"),
}


class Shift(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(WIDTH))

    def forward(self, x):
        return x + self.bias


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(WIDTH, HIDDEN)
        self.down = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x):
        return x + self.down(torch.relu(self.up(x)))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([Block() for _ in range(LAYERS)])
        self.norm = Shift()
        self.head = nn.Linear(WIDTH, CLASSES, bias=False)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def base() -> Mlp:
    model, g = Mlp(), generator(1)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=g) * 0.5)
    return model


def in_memory(name: str) -> str:
    """The name that lora-core gives a tensor."""
    name = name.removeprefix("base_model.model.").replace(".default", "").replace(".base_layer", "")
    return name.removesuffix(".weight") if ".lora_" in name else name


def adapter(name: str, settings: dict, x, dy) -> None:
    peft, g = get_peft_model(base(), LoraConfig(**settings)), generator(len(name))
    trained = {n: p for n, p in peft.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for p in trained.values():
            p.copy_(torch.randn(p.shape, generator=g) * 0.5)
    y = peft(x)
    (y * dy).sum().backward()
    directory = ROOT / "mlp" / name
    peft.save_pretrained(directory)
    (directory / "README.md").unlink()
    gradients = {"gradient." + in_memory(n): p.grad for n, p in trained.items()}
    write_tensors(directory / "expected.safetensors", {"y": y, **gradients})
    for file in directory.iterdir():
        file.chmod(0o644)


def cards() -> None:
    """The front matter of PEFT's model card."""
    shutil.rmtree(ROOT / "cards", ignore_errors=True)
    cases = {"bloom": ("bigscience/bloom-560m", "CAUSAL_LM"), "no-task": ("bigscience/bloom-560m", None),
             "odd-name": ("models/it's: a #1", "CAUSAL_LM")}
    for name, (base_name, task) in cases.items():
        model = BloomForCausalLM(BloomConfig(vocab_size=32, hidden_size=16, n_layer=1, n_head=2))
        model.config._name_or_path = model.name_or_path = base_name
        peft = get_peft_model(model, LoraConfig(task_type=task))
        directory = ROOT / "cards"
        directory.mkdir(exist_ok=True)
        peft.create_or_update_model_card(fresh(directory / name))
        text = (directory / name / "README.md").read_text()
        shutil.rmtree(directory / name)
        (directory / f"{name}.yaml").write_text("---".join(text.split("---")[:2]) + "---\n")


def main() -> None:
    shutil.rmtree(ROOT / "mlp", ignore_errors=True)
    (ROOT / "mlp").mkdir(parents=True)
    g = generator(2)
    x, dy = torch.randn((ROWS, WIDTH), generator=g), torch.randn((ROWS, CLASSES), generator=g)
    model = base()
    write_tensors(ROOT / "mlp/base.safetensors", dict(model.named_parameters()))
    write_tensors(ROOT / "mlp/inputs.safetensors", {"x": x, "dy": dy, "y": model(x)})
    (ROOT / "mlp/tree.txt").write_text(str(model) + "\n")
    for name, settings in CASES.items():
        adapter(name, settings, x, dy)
    cards()


if __name__ == "__main__":
    main()
