"""Loads adapters and merged models of every family that the Java library wrote in PEFT and transformers, and compares logits.

    mvn -pl lora-djl -am test -Dtest=JavaFamilyExport -Dsurefire.failIfNoSpecifiedTests=false -Dlora4j.export=/some/directory
    .venv/bin/python tools/golden/check_java_families.py /some/directory

Ends with an error if transformers finds a key missing or too much, if the adapter changes nothing, or if a logit differs by more than 1e-4.
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from forward import run

LOGITS = 1e-4
logging.set_verbosity_error()
logging.disable_progress_bar()


def largest(model, case: dict, logits: str) -> float:
    return max((run(model.eval(), [row])[0] - torch.tensor(case[logits][i])).abs().max().item() for i, row in enumerate(case["rows"]))


def check(file: Path, root: Path) -> str:
    attention = "sdpa" if file.parent.parent.name == "falcon" else "eager"  # as in families.py
    case, name = json.loads(file.read_text()), str(file.parent.relative_to(root))
    merged, report = AutoModelForCausalLM.from_pretrained(file.parent / "model", output_loading_info=True, attn_implementation=attention)
    assert not any(report.values()), f"{name}: {report}"
    AutoTokenizer.from_pretrained(file.parent / "model")
    base = AutoModelForCausalLM.from_pretrained(case["checkpoint"], attn_implementation=attention)
    changed = largest(base, case, "logits")
    adapted = PeftModel.from_pretrained(base, file.parent / "adapter")
    found = {"merged": largest(merged, case, "logits"), "adapter": largest(adapted, case, "logits")}
    for what, difference in found.items():
        assert difference <= LOGITS < changed, f"{name}: logits of {what} differ by {difference}; the adapter changes {changed}"
    return f"{name}: " + ", ".join(f"{what} {difference:.1e}" for what, difference in found.items()) + f" (changed {changed:.1e})"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = Path(sys.argv[1])
    files = sorted(root.glob("*/*/case.json"))
    if not files:
        sys.exit(f"{root}: holds no */*/case.json")
    for file in files:
        print(check(file, root))
    print(f"{len(files)} models give the same logits")


if __name__ == "__main__":
    main()
