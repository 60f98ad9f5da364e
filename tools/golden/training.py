"""Loss curves of the real Hugging Face Trainer, and the learning rates of its schedules."""

import tempfile
from pathlib import Path

import torch
from peft import PeftModel
from peft.optimizers import create_loraplus_optimizer
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments, get_scheduler
from transformers.trainer_callback import PrinterCallback

import adapters
from files import fresh, masked_labels, pad, token_rows, write_json, write_tensors

SETTINGS = {
    "batch_size": 2, "gradient_accumulation": 4, "max_steps": 20, "learning_rate": 0.01, "warmup_steps": 3,
    "schedule": "linear", "weight_decay": 0.01, "max_grad_norm": 1.0, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
}
# name -> (adapter, rows, changed settings); 40 rows make five whole steps an epoch, 19 end in a part of a step
CURVES = {
    "linear": ("attention", 40, {}),
    "every-linear-cosine": ("every-linear", 40, {"schedule": "cosine", "max_grad_norm": 2.0}),
    "bias-all": ("bias-all", 40, {"max_steps": 10, "max_grad_norm": 2.0}),
    "ragged-epoch": ("attention", 19, {"max_steps": 10, "max_grad_norm": 1.5}),
    "dora": ("dora", 40, {"max_steps": 10, "max_grad_norm": 2.0}),
    "dora-patterns": ("dora-patterns", 40, {"max_steps": 10, "max_grad_norm": 4.0}),
    "lora-plus": ("bias-lora-only", 40, {"max_steps": 10, "max_grad_norm": 1.8, "learning_rate": 0.002, "lora_plus_ratio": 8.0}),
    "lora-plus-dora": ("dora", 40, {"max_steps": 10, "max_grad_norm": 1.2, "learning_rate": 0.002, "lora_plus_ratio": 4.0}),
}


def write_curves(directory: Path, checkpoint: Path, only: set[str] = frozenset(CURVES)) -> None:
    for number, (name, (adapter, size, changed)) in enumerate(CURVES.items()):
        if name not in only:
            continue
        settings = SETTINGS | changed
        target = fresh(directory / name)
        base = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
        peft = adapters.wrap(base, adapter)
        adapters.randomise(peft, 300 + number, fresh_start=True)
        adapters.save(peft, target / "initial", f"golden/{checkpoint.parent.name}")
        peft = PeftModel.from_pretrained(base_model(checkpoint), target / "initial", is_trainable=True)
        rows, labels = dataset(400 + number, size)
        steps = train(peft, rows, labels, settings)
        norms = [step["grad_norm"] for step in steps]
        bound = settings["max_grad_norm"]
        assert min(norms) < 0.95 * bound and max(norms) > 1.05 * bound, f"{name}: clipping must act in some steps only, at {bound}: {norms}"
        adapters.save(peft, target / "final", f"golden/{checkpoint.parent.name}")
        write_json(target / "curve.json", {
            "checkpoint": "../../power-of-two/checkpoint", "initial": "initial", "final": "final",
            "settings": settings, "rows": rows, "labels": labels, "steps": steps,
            "undetermined": undetermined(peft),
        })


def undetermined(peft: PeftModel) -> dict[str, list[int]]:
    """Entries of the final adapter that two correct programs disagree on.

    A bias on all keys of a head changes no attention weight, so its gradient is rounding, which AdamW blows up to
    whole steps. The model's output does not depend on these entries either.
    """
    found = {}
    for name, p in adapters.file_names(peft).items():
        if name.endswith("query_key_value.base_layer.bias"):
            heads = peft.config.n_head
            found[name] = torch.arange(p.numel()).view(heads, 3, -1)[:, 1].flatten().tolist()
    return found


def base_model(checkpoint: Path):
    return AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)


def dataset(seed: int, size: int) -> tuple[list, list]:
    """Rows of 3 to 20 tokens in which each token mostly decides the next, so that there is something to learn."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 21, (size,), generator=g).tolist()
    rows = []
    for start, length in zip(token_rows(seed + 50, [1] * size, 101), lengths):
        row = list(start)
        while len(row) < length:
            row.append(4 + (row[-1] * 5 + 3) % 24)
        rows.append(row)
    unlabelled = [i % min(4, n - 1) for i, n in enumerate(lengths)]
    return rows, masked_labels(rows, unlabelled)


def collate(features: list[dict]) -> dict[str, torch.Tensor]:
    ids = [f["input_ids"] for f in features]
    return {
        "input_ids": pad(ids, 3, left=False),
        "attention_mask": pad([[1] * len(row) for row in ids], 0, left=False),
        "labels": pad([f["labels"] for f in features], -100, left=False),
    }


def train(peft: PeftModel, rows: list, labels: list, settings: dict) -> list[dict]:
    with tempfile.TemporaryDirectory() as scratch:
        arguments = TrainingArguments(
            output_dir=scratch, use_cpu=True, report_to="none", disable_tqdm=True, save_strategy="no",
            logging_strategy="steps", logging_steps=1, train_sampling_strategy="sequential", optim="adamw_torch",
            remove_unused_columns=False, dataloader_pin_memory=False, seed=42,
            per_device_train_batch_size=settings["batch_size"],
            gradient_accumulation_steps=settings["gradient_accumulation"], max_steps=settings["max_steps"],
            learning_rate=settings["learning_rate"], warmup_steps=settings["warmup_steps"],
            lr_scheduler_type=settings["schedule"], weight_decay=settings["weight_decay"],
            max_grad_norm=settings["max_grad_norm"], adam_beta1=settings["beta1"], adam_beta2=settings["beta2"],
            adam_epsilon=settings["epsilon"],
        )
        data = [{"input_ids": r, "labels": l} for r, l in zip(rows, labels)]
        trainer = Trainer(
            model=peft, args=arguments, train_dataset=data, data_collator=collate, optimizers=(lora_plus(peft, settings), None)
        )
        trainer.remove_callback(PrinterCallback)
        check_decay(trainer, peft)
        trainer.train()
    keys = ("step", "loss", "grad_norm", "learning_rate", "epoch")
    return [{k: entry[k] for k in keys} for entry in trainer.state.log_history if "loss" in entry]


def lora_plus(peft: PeftModel, settings: dict):
    """PEFT's optimiser with a learning rate of its own for B; None for the Trainer's own."""
    if "lora_plus_ratio" not in settings:
        return None
    return create_loraplus_optimizer(
        peft, torch.optim.AdamW, lr=settings["learning_rate"], loraplus_lr_ratio=settings["lora_plus_ratio"],
        loraplus_weight_decay=settings["weight_decay"], betas=(settings["beta1"], settings["beta2"]),
        eps=settings["epsilon"],
    )


def check_decay(trainer: Trainer, peft: PeftModel) -> None:
    """Weight decay holds for every A and B and for no bias."""
    decayed = set(trainer.get_decay_parameter_names(peft))
    for name, p in peft.named_parameters():
        assert not p.requires_grad or (name in decayed) == ("lora_" in name), name


def write_schedules(path: Path) -> None:
    cases = []
    for schedule in ("linear", "cosine", "constant", "constant_with_warmup"):
        for warmup, total in ((0, 10), (3, 20), (10, 10), (15, 10)):
            weight = torch.nn.Parameter(torch.zeros(1))
            optimizer = torch.optim.AdamW([weight], lr=0.01)
            scheduler = get_scheduler(schedule, optimizer, num_warmup_steps=warmup, num_training_steps=total)
            rates = []
            for _ in range(total):
                rates.append(scheduler.get_last_lr()[0])
                optimizer.step()
                scheduler.step()
            cases.append({
                "schedule": schedule, "warmup_steps": warmup, "max_steps": total, "learning_rate": 0.01, "used": rates,
            })
    write_json(path, {"cases": cases})


def write_optimizer(directory: Path) -> None:
    """AdamW and clipping on given gradients: name/parameter is the start, name/after/T the value after step T."""
    fresh(directory)
    settings = {
        "defaults": {"lr": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0},
        "decay": {"lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.1},
        "large-epsilon": {"lr": 1e-2, "betas": [0.9, 0.999], "eps": 1e-2, "weight_decay": 0.01},
        "short-memory": {"lr": 0.1, "betas": [0.5, 0.9], "eps": 1e-6, "weight_decay": 0.01},
    }
    g = torch.Generator().manual_seed(500)
    gradients = torch.randn(10, 4, 5, generator=g) * torch.logspace(-6, 1, 10)[:, None, None]
    start = torch.randn(4, 5, generator=g)
    tensors = {"gradients": gradients, "parameter": start}
    for name, values in settings.items():
        p = torch.nn.Parameter(start.clone())
        optimizer = torch.optim.AdamW([p], **values | {"betas": tuple(values["betas"])}, foreach=False)
        for step, gradient in enumerate(gradients, start=1):
            p.grad = gradient.clone()
            optimizer.step()
            tensors[f"adamw/{name}/{step}"] = p.detach().clone()
    clips = {}
    for name, bound in (("tight", 0.5), ("loose", 1e6)):
        parts = [torch.nn.Parameter(torch.zeros(n)) for n in (3, 7)]
        for i, p in enumerate(parts):
            p.grad = torch.randn(p.shape, generator=g) * 2
            tensors[f"clip/{name}/{i}/before"] = p.grad.clone()
        clips[name] = {"max_norm": bound, "norm": torch.nn.utils.clip_grad_norm_(parts, bound).item()}
        tensors |= {f"clip/{name}/{i}/after": p.grad for i, p in enumerate(parts)}
    write_tensors(directory / "expected.safetensors", tensors)
    write_json(directory / "manifest.json", {
        "adamw": settings, "clip": clips,
        "tensors": {
            "gradients": "[10, 4, 5]: the gradient of step T is gradients[T - 1]",
            "parameter": "[4, 5]: where every AdamW case starts",
            "adamw/NAME/T": "the parameter after step T of 1 to 10",
            "clip/NAME/I/before and after": "gradients of two tensors under one global norm",
        },
    })
