"""Files of the reference implementation of safetensors, and what torch reads in them.

    .venv/bin/python tools/golden/safetensors_files.py
"""

import json
import math
from pathlib import Path

import torch
from safetensors import TensorSpec, serialize

ROOT = Path(__file__).resolve().parents[2] / "lora-core/src/test/resources/golden/safetensors"
PT = {"format": "pt"}
BYTES = torch.arange(256, dtype=torch.int16).to(torch.uint8)

# name in the header: torch's type, how the reference calls it, bytes of an element
TYPES = {
    "BOOL": (torch.bool, "bool", 1),
    "U8": (torch.uint8, "uint8", 1),
    "I8": (torch.int8, "int8", 1),
    "F8_E5M2": (torch.float8_e5m2, "float8_e5m2", 1),
    "F8_E4M3": (torch.float8_e4m3fn, "float8_e4m3fn", 1),
    "F8_E8M0": (torch.float8_e8m0fnu, "float8_e8m0fnu", 1),
    "F8_E4M3FNUZ": (torch.float8_e4m3fnuz, "float8_e4m3fnuz", 1),
    "F8_E5M2FNUZ": (torch.float8_e5m2fnuz, "float8_e5m2fnuz", 1),
    "I16": (torch.int16, "int16", 2),
    "U16": (torch.uint16, "uint16", 2),
    "F16": (torch.float16, "float16", 2),
    "BF16": (torch.bfloat16, "bfloat16", 2),
    "I32": (torch.int32, "int32", 4),
    "U32": (torch.uint32, "uint32", 4),
    "F32": (torch.float32, "float32", 4),
    "F64": (torch.float64, "float64", 8),
    "I64": (torch.int64, "int64", 8),
    "U64": (torch.uint64, "uint64", 8),
}


def write(name: str, tensors: dict[str, torch.Tensor], kinds: dict[str, str] | None = None, metadata=PT) -> None:
    held = {key: tensor.detach().clone().contiguous() for key, tensor in tensors.items()}
    by_type = {TYPES[key][0]: TYPES[key][1] for key in TYPES}
    specs = {}
    for key, tensor in held.items():
        kind = kinds[key] if kinds else by_type[tensor.dtype]
        specs[key] = TensorSpec(
            dtype=kind, shape=list(tensor.shape), data_ptr=tensor.data_ptr(), data_len=tensor.nbytes
        )
    ROOT.mkdir(parents=True, exist_ok=True)
    (ROOT / name).write_bytes(serialize(specs, metadata))


def number(value: float):
    """JSON has no infinities and no NaN, and its readers lose the sign of zero."""
    special = not math.isfinite(value) or (value == 0 and math.copysign(1, value) < 0)
    return str(value) if special else value


def patterns(size: int) -> torch.Tensor:
    """Bit patterns of elements: every byte for the small types, spread ones for the others."""
    if size == 1:
        return BYTES.clone()
    g = torch.Generator().manual_seed(size)
    ends = torch.tensor([0x00, 0x01, 0x7F, 0x80, 0xFF], dtype=torch.uint8)
    edges = torch.cartesian_prod(*[ends] * min(size, 2)).reshape(-1)
    edges = edges.repeat_interleave(size // 2) if size > 2 else edges
    noise = torch.randint(0, 256, (16 * size,), generator=g, dtype=torch.uint8)
    return torch.cat([edges, noise])


def every_dtype() -> None:
    tensors, expected = {}, {}
    for key, (dtype, _, size) in TYPES.items():
        raw = patterns(size) if key != "BOOL" else torch.tensor([0, 1, 1, 0], dtype=torch.uint8)
        tensors[key] = raw.view(dtype)
        expected[key] = [number(v) for v in tensors[key].to(torch.float32).tolist()]
    write("every-dtype.safetensors", tensors)
    lines = [f"  {json.dumps(key)}: {json.dumps(values)}" for key, values in expected.items()]
    (ROOT / "every-dtype.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def rounding() -> None:
    g = torch.Generator().manual_seed(16)
    bits = torch.randint(-(2**31), 2**31, (600,), generator=g)
    halves = torch.randint(0, 2**16, (400,), generator=g).to(torch.uint16).view(torch.float16).float()
    values = torch.cat([bits.to(torch.int32).view(torch.float32), halves, halves.nextafter(torch.tensor(9e9))])
    ties = torch.tensor([65519.996, 65520.0, -65520.0, 2.0**-24, 2.0**-25, 1.5 * 2**-24, 2.0**-14 * 0.99999, 0.0, -0.0])
    values = torch.cat([values, ties, (halves * 1.00048828125)])  # about half a step: ties and their neighbours
    values = values[~values.isnan()]
    tensors = {"value": values, "f16": values.to(torch.float16), "bf16": values.to(torch.bfloat16)}
    write("rounding.safetensors", tensors)


def main() -> None:
    every_dtype()
    rounding()
    write("no-tensors.safetensors", {})
    write("no-metadata.safetensors", {"a": torch.ones(1)}, metadata=None)
    write("other-metadata.safetensors", {"a": torch.ones(1)}, metadata={"note": 'of "any" kind\n\u00e4\u6f22'})
    odd = ["\u00e4\u6f22\U0001f600", 'quo"te', "back\\slash", "tab\there", "<html>&'=", "z" * 100, ""]
    write("odd-names.safetensors", {key: torch.full((2, 1), float(i)) for i, key in enumerate(odd)})
    shapes = {"scalar": (), "none": (0,), "none-inside": (3, 0, 2), "five": (1, 2, 1, 3, 1)}
    write("shapes.safetensors", {key: torch.ones(shape) for key, shape in shapes.items()})
    first = {"h.0.weight": torch.arange(6.0).reshape(2, 3), "h.0.bias": torch.arange(2, dtype=torch.int64)}
    write("model-00001-of-00002.safetensors", first)
    write("model-00002-of-00002.safetensors", {"h.1.weight": torch.arange(4.0).to(torch.bfloat16)})
    shards = {key: "model-00001-of-00002.safetensors" for key in first}
    shards["h.1.weight"] = "model-00002-of-00002.safetensors"
    index = {"metadata": {"total_size": 48}, "weight_map": shards}
    (ROOT / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


if __name__ == "__main__":
    main()
