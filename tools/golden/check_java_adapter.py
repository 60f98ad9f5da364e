"""Loads adapters that the Java library trained and saved in PEFT, and compares logits.

    mvn -pl lora-djl -am test -Dtest=JavaAdapterExport -Dsurefire.failIfNoSpecifiedTests=false \\
        -Dlora4j.export=/some/directory
    .venv/bin/python -W error tools/golden/check_java_adapter.py /some/directory

Ends with an error if PEFT warns, if a key is missing or too much, or if a logit differs by more than 1e-4.
"""

import json
import re
import sys
import warnings
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

import adapters
from files import ROOT
from forward import run

LOGITS = 1e-4
REPEATED = re.compile(r"\.(modules_to_save|original_module)\.")  # with bias="all" PEFT writes copies of copies


def check(directory: Path) -> float:
    case = json.loads((directory / "case.json").read_text())
    checkpoint = ROOT / case["checkpoint"] / "checkpoint"
    base = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    expected = load_file(directory / "logits.safetensors")
    words = expected["logits/0"].shape[1]
    if words != base.config.vocab_size:  # as PEFT asks of whoever loads such an adapter
        base.resize_token_embeddings(words, mean_resizing=False)
    bare = run(base, case["rows"][:1])[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Model has `tie_word_embeddings=True`")  # true, and said here too
        peft = PeftModel.from_pretrained(base, directory / "adapter")
    keys = set(load_file(directory / "adapter" / "adapter_model.safetensors"))
    wanted = {name for name in adapters.saved_names(peft) if not REPEATED.search(name)}
    tables = {k for k in keys if k.endswith(("word_embeddings.weight", "lm_head.weight", "base_layer.weight"))}
    assert wanted <= keys and keys - wanted <= tables, f"{directory.name}: keys differ: {keys ^ wanted}"
    worst = 0.0
    for i, row in enumerate(case["rows"]):
        found, wanted = run(peft, [row])[0], expected[f"logits/{i}"]
        assert found.shape == wanted.shape, f"{directory.name}: {found.shape}, {wanted.shape}"
        worst = max(worst, (found - wanted).abs().max().item())
    assert (expected["logits/0"] - bare).abs().max() > 0.1, f"{directory.name}: the adapter does nothing"
    assert worst <= LOGITS, f"{directory.name}: logits differ by {worst}"
    return worst


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directories = sorted(path.parent for path in Path(sys.argv[1]).glob("*/case.json"))
    if not directories:
        sys.exit(f"{sys.argv[1]}: holds no */case.json")
    for directory in directories:
        print(f"{directory.name}: largest difference {check(directory):.2e}")
    print(f"{len(directories)} adapters give the same logits in PEFT")


if __name__ == "__main__":
    main()
