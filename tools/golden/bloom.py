"""Writes the golden files of the BLOOM path: python tools/golden/bloom.py

Needs the packages of requirements.txt, no network and about a minute on a CPU. Two runs give the same bytes.
"""

import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":  # PEFT writes the set of targets in hash order
    os.environ.update(PYTHONHASHSEED="0", HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import torch

import checkpoints
import forward
import generation
import mixed
import training
from files import ROOT

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

forward.write_case(ROOT / "power-of-two", checkpoints.power_of_two, seed=100, half=True)
forward.write_case(ROOT / "six-heads", checkpoints.six_heads, seed=200, half=False)

FIRST = ROOT / "power-of-two"
training.write_curves(ROOT / "training", FIRST / "checkpoint")
training.write_schedules(ROOT / "training/schedules.json")
training.write_optimizer(ROOT / "optimizer")
generation.write_all(ROOT / "generation", FIRST)
mixed.write_mixed(ROOT / "mixed", FIRST / "checkpoint")
