"""Loads models that the Java library merged and saved in transformers, and compares logits.

    mvn -pl lora-djl -am test -Dtest=JavaAdapterExport -Dsurefire.failIfNoSpecifiedTests=false \\
        -Dlora4j.export=/some/directory
    .venv/bin/python -W error tools/golden/check_java_model.py /some/directory/models

Ends with an error if transformers warns, if a key is missing or too much, if the model or the tokenizer loads in another type or not at all,
or if a logit differs by more than 1e-4. Logits are of the saved weights computed in fp32 on both sides: in half precision the two would round
activations in other places.
"""

import json
import sys
import warnings
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from files import ROOT
from forward import run

LOGITS = 1e-4


def check(directory: Path) -> str:
    case = json.loads((directory / "case.json").read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, report = AutoModelForCausalLM.from_pretrained(directory / "model", output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(directory / "model")
    dtype = str(model.dtype).removeprefix("torch.")
    assert dtype == case["dtype"], f"{directory.name}: loads as {dtype}, saved as {case['dtype']}"
    assert not any(report.values()), f"{directory.name}: {report}"
    tied = model.lm_head.weight is model.transformer.word_embeddings.weight
    assert tied == model.config.tie_word_embeddings, f"{directory.name}: head tied: {tied}"
    assert model.config.vocab_size == model.lm_head.weight.shape[0], f"{directory.name}: {model.config.vocab_size} words"
    assert tokenizer.encode("the cat") == AutoTokenizer.from_pretrained(ROOT / case["checkpoint"] / "checkpoint").encode("the cat")
    names = {name for file in (directory / "model").glob("*.safetensors") for name in load_file(file)}
    assert names == set(model.state_dict()) - ({"lm_head.weight"} if tied else set()), f"{directory.name}: keys differ"
    expected = load_file(directory / "logits.safetensors")
    assert run(model.eval(), case["rows"][:1])[0].isfinite().all(), f"{directory.name}: does not run in its own type"
    exact, worst = AutoModelForCausalLM.from_pretrained(directory / "model", dtype=torch.float32).eval(), 0.0
    for i, row in enumerate(case["rows"]):
        found, wanted = run(exact, [row])[0], expected[f"logits/{i}"]
        worst = max(worst, (found - wanted).abs().max().item())
    assert worst <= LOGITS, f"{directory.name}: logits differ by {worst}"
    return f"{directory.name}: {dtype}, largest difference {worst:.2e}"


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directories = sorted(path.parent for path in Path(sys.argv[1]).glob("*/case.json"))
    if not directories:
        sys.exit(f"{sys.argv[1]}: holds no */case.json")
    for directory in directories:
        print(check(directory))
    print(f"{len(directories)} merged models give the same logits in transformers")


if __name__ == "__main__":
    main()
