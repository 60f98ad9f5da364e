"""What the programs on PEFT's side share: the job file, the model, memory, and the line of JSON in the end."""
import json
import os
import re
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def job():
    torch.set_num_threads(THREADS)
    return json.load(open(sys.argv[1]))


def base(job):
    return AutoModelForCausalLM.from_pretrained(job["model"], dtype=TYPES[job["precision"]])


def with_adapters(base, job, trainable):
    """All adapters of the job, named by their place in it; the first is active."""
    first, *others = job["adapters"]
    model = PeftModel.from_pretrained(base, first, adapter_name="0", is_trainable=trainable)
    for number, directory in enumerate(others, 1):
        model.load_adapter(directory, str(number))
    return model


def padded(rows, filler):
    width = max(len(row) for row in rows)
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])


def weight_mib(base):
    return sum(p.numel() * p.element_size() for p in base.parameters()) / 2**20


def finish(weights, **outcome):
    peak = int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1]) / 1024
    print(json.dumps({**outcome, "peakMiB": peak, "weightsMiB": weights, "aboveWeightsMiB": peak - weights}))
