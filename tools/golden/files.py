"""Writing golden files so that two runs give the same bytes."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[2] / "lora-djl/src/test/resources/golden/bloom"


def fresh(directory: Path) -> Path:
    """An empty directory: nothing stale survives a run."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def write_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    plain = {name: tensors[name].detach().clone().contiguous() for name in sorted(tensors)}
    save_file(plain, path, metadata={"format": "pt"})


def write_json(path: Path, value) -> None:
    path.write_text(pretty(value) + "\n", encoding="utf-8")


def pretty(value, indent="") -> str:
    """JSON with one member a line, but lists of numbers on one line."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        members = [f"{inner}{json.dumps(str(k))}: {pretty(v, inner)}" for k, v in value.items()]
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(v, (dict, list)) for v in value):
        return "[\n" + ",\n".join(inner + pretty(v, inner) for v in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def token_rows(seed: int, lengths: list[int], vocabulary: int) -> list[list[int]]:
    """Random ids that are no special token (0 to 3)."""
    g = generator(seed)
    return [torch.randint(4, vocabulary, (n,), generator=g).tolist() for n in lengths]


def masked_labels(rows: list[list[int]], unlabelled: list[int]) -> list[list[int]]:
    """The ids themselves, the first `unlabelled[i]` of row i being -100."""
    return [[-100] * n + row[n:] for row, n in zip(rows, unlabelled)]


def pad(rows: list[list[int]], value: int, left: bool) -> torch.Tensor:
    width = max(map(len, rows))
    fill = [[value] * (width - len(row)) for row in rows]
    return torch.tensor([f + r if left else r + f for r, f in zip(rows, fill)])
