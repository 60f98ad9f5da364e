"""Writes transformers' rotary frequencies of every scaling: python tools/golden/rotary.py

Each case: the settings of a configuration, the length of a sequence, and the frequencies and the factor of cos and sin that transformers gives for them.
"""

import json
import pathlib

import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

OUT = pathlib.Path(__file__).resolve().parents[2] / "lora-djl/src/test/resources/golden/layers/rotary.json"
HALF = 8
SHORT, LONG = [1.0 + 0.05 * i for i in range(HALF)], [2.0 + 1.5 * i for i in range(HALF)]

CASES = [
    ({"rope_type": "linear", "factor": 4.0}, 100),
    ({"rope_type": "dynamic", "factor": 2.0}, 64),
    ({"rope_type": "dynamic", "factor": 2.0}, 65),
    ({"rope_type": "dynamic", "factor": 2.0}, 500),
    ({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}, 100),
    ({"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}, 100),
    ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}, 100),
    ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024, "beta_fast": 16.0, "beta_slow": 2.0, "truncate": False}, 100),
    ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024, "attention_factor": 0.8}, 100),
    ({"rope_type": "longrope", "original_max_position_embeddings": 32, "short_factor": SHORT, "long_factor": LONG}, 32),
    ({"rope_type": "longrope", "original_max_position_embeddings": 32, "short_factor": SHORT, "long_factor": LONG}, 33),
]


def case(parameters, length, theta):
    config = LlamaConfig(hidden_size=32, num_attention_heads=2, max_position_embeddings=64, rope_parameters={"rope_theta": theta, **parameters})
    frequencies, factor = ROPE_INIT_FUNCTIONS[parameters["rope_type"]](config, torch.device("cpu"), seq_len=length)
    return {"theta": theta, **parameters, "length": length, "frequencies": frequencies.tolist(), "cosFactor": float(factor)}


OUT.write_text(json.dumps([case(p, n, theta) for p, n in CASES for theta in (10000.0, 500000.0)], indent=1) + "\n")
