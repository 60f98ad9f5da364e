"""Files of torch.save in both of its layouts, and the same tensors as safetensors.

    .venv/bin/python tools/golden/torch_files.py

The older layout names its storages by their addresses, so those files differ in a few bytes from run to run.
"""

import os
import warnings
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from files import fresh, generator

GOLDEN = Path(__file__).resolve().parents[2] / "lora-core/src/test/resources/golden"
ROOT = GOLDEN / "torch"


def types() -> dict[str, torch.Tensor]:
    """One tensor of every type that a storage can have, and those that torch keeps in storages of bytes."""
    g = generator(1)
    values = torch.randn(3, 5, generator=g)
    floats = [torch.float64, torch.float32, torch.float16, torch.bfloat16]
    small = [torch.float8_e4m3fn, torch.float8_e4m3fnuz, torch.float8_e5m2, torch.float8_e5m2fnuz]
    whole = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
    wide = [torch.uint16, torch.uint32, torch.uint64]
    result = {str(t).split(".")[1]: values.to(t) for t in floats + small}
    result |= {str(t).split(".")[1]: torch.arange(7).to(t) for t in whole + wide}
    return result


def views() -> dict[str, torch.Tensor]:
    """Tensors that share storages or are strided, and the odd shapes."""
    g = generator(2)
    base = torch.randn(6, 8, generator=g)
    cube = torch.randn(2, 3, 4, generator=g)
    half = torch.randn(4, 6, generator=g).half()
    return {
        "base": base,
        "transposed": base.t(),
        "rows": base[2:4],
        "block": base[1:3, 2:5],
        "every_third": base[:, ::3],
        "column": base[:, 7],
        "element": base[5, 7],
        "permuted": cube.permute(2, 0, 1),
        "half_transposed": half.t(),
        "fused_a": half[:2],
        "fused_b": half[2:],
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 3),
        "empty_slice": base[6:],
        "one_row": base[3:4].t(),
    }


def state_dict() -> OrderedDict:
    """With the attribute _metadata, as a module's state_dict() has."""
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.LayerNorm(3)).state_dict()


def parameters() -> OrderedDict:
    g = generator(4)
    frozen = torch.nn.Parameter(torch.randn(2, 3, generator=g), requires_grad=False)
    trained = torch.nn.Parameter(torch.randn(3, generator=g))
    return OrderedDict(trained=trained, frozen=frozen, leaf=torch.randn(2, generator=g).requires_grad_())


def many() -> dict[str, torch.Tensor]:
    """More than pickle puts into a dictionary at once, and more than it can number by a byte."""
    base = torch.arange(1030.0)
    return {f"a{i}": base[i : i + 1] for i in range(1030)}


def write(name: str, tensors: dict[str, torch.Tensor]) -> None:
    torch.save(tensors, ROOT / f"{name}.bin")
    torch.save(tensors, ROOT / f"{name}-stream.bin", _use_new_zipfile_serialization=False)
    save_file({k: t.detach().clone().contiguous() for k, t in tensors.items()}, ROOT / f"{name}.safetensors")
    (ROOT / f"{name}.safetensors").chmod(0o644)


def adapter() -> None:
    """PEFT's own adapter of mlp.py in the file that PEFT wrote before safetensors."""
    source = GOLDEN / "mlp/both-targets"
    tensors = load_file(source / "adapter_model.safetensors")
    for name, zipped in [("adapter", True), ("adapter-stream", False)]:
        fresh(ROOT / name)
        (ROOT / name / "adapter_config.json").write_bytes((source / "adapter_config.json").read_bytes())
        torch.save(tensors, ROOT / name / "adapter_model.bin", _use_new_zipfile_serialization=zipped)


class Command:
    """Runs when Python unpickles it; harmless, and never unpickled here."""

    def __reduce__(self):
        return os.system, ("true",)


def refused() -> None:
    """What torch.save writes for more than plain tensors."""
    marked = torch.ones(2)
    marked.note = "mine"
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.note = "mine"
    cases = {
        "attribute": {"a": marked},
        "parameter-attribute": {"a": parameter},
        "sparse": {"a": torch.eye(2).to_sparse()},
        "quantised": {"a": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)},
        "complex": {"a": torch.ones(2, dtype=torch.complex64)},
        "negated": {"a": torch.ones(2, dtype=torch.complex64).conj().imag},
        "expanded": {"a": torch.ones(1).expand(1000)},
        "number": {"a": torch.ones(2), "epoch": 3},
        "nested": {"state_dict": {"a": torch.ones(2)}},
        "bare": torch.ones(2),
        "list": [torch.ones(2)],
        "module": torch.nn.Linear(1, 1),
        "size": {"a": torch.ones(2).shape},
        "command": {"a": torch.ones(2), "b": Command()},
    }
    for name, value in cases.items():
        torch.save(value, ROOT / f"refused-{name}.bin")
    torch.save({"a": torch.ones(2)}, ROOT / "refused-protocol-0.bin", pickle_protocol=0)
    for protocol in (3, 4, 5):
        torch.save(state_dict(), ROOT / f"protocol-{protocol}.bin", pickle_protocol=protocol)
        torch.save(
            state_dict(),
            ROOT / f"protocol-{protocol}-stream.bin",
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=False,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # that quantised tensors will go
    fresh(ROOT)
    for made in (types, views, state_dict, parameters, many):
        write(made.__name__.replace("_", "-"), made())
    adapter()
    refused()
