"""Writes the golden files of heads with a bias, which Phi has: python tools/golden/head_bias.py

What an adapter may do to such a head: a pair beside it, its bias trained, both trained whole, and other vocabularies, whose file carries the bias too.
Needs the packages of requirements.txt, no network and some seconds on a CPU.
"""

import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":  # PEFT writes the set of targets in hash order
    os.environ.update(PYTHONHASHSEED="0", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    os.execv(sys.executable, [sys.executable, *sys.argv])

from families import load, save_checkpoint
from files import ROOT
from surface import MORE, write_cases

SHAPE = {"vocab_size": 101, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 12, "max_position_embeddings": 32,
         "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": 0.5}}
QV = ["q_proj", "v_proj"]
CASES = {
    "head": {"target_modules": ["lm_head", "dense"]},
    "head-and-its-bias": {"target_modules": ["lm_head", "q_proj"], "bias": "lora_only"},
    "all-biases": {"target_modules": QV, "bias": "all"},
    "whole-head": {"target_modules": QV, "modules_to_save": ["lm_head"]},
    "resized": {"target_modules": QV, "words": MORE},
    "resized-all-biases": {"target_modules": QV, "bias": "all", "words": MORE},
    "resized-whole": {"target_modules": QV, "modules_to_save": ["embed_tokens", "lm_head"], "words": MORE},
}


def main() -> None:
    for number, tied in enumerate((True, False)):
        directory = ROOT.parent / "phi" / ("tied" if tied else "untied")
        save_checkpoint(directory / "checkpoint", "phi", SHAPE | {"tie_word_embeddings": tied}, 900 + number)
        write_cases(directory, load(directory), CASES, rank=2 + number, seed=910 + 50 * number)


if __name__ == "__main__":
    main()
