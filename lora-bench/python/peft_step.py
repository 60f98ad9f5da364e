"""Loss and gradients of one batch with PEFT, several times over, in a process of its own; the twin of GradientStep.java.

    python peft_step.py MODEL ADAPTER BATCH fp32|bf16 CHECKPOINTING REPETITIONS GRADIENTS|-

Prints one line of JSON: loss, seconds of each repetition, peak resident memory above the weights in MiB.
"""
import json
import re
import sys
import time

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import BloomForCausalLM


def peak_kib():
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1])


def padded(rows, filler):
    width = max(len(row) for row in rows)
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])


def main():
    model_dir, adapter, batch_file, precision, checkpointing, repetitions, gradients = sys.argv[1:]
    torch.set_num_threads(2)
    base = BloomForCausalLM.from_pretrained(model_dir, dtype=torch.float32 if precision == "fp32" else torch.bfloat16)
    weights = sum(p.numel() * p.element_size() for p in base.parameters()) / 2**20
    if checkpointing == "true":
        base.gradient_checkpointing_enable()
        base.enable_input_require_grads()
    model = PeftModel.from_pretrained(base, adapter, is_trainable=True).train()
    batch = json.load(open(batch_file))
    ids, labels = padded(batch["tokens"], 3), padded(batch["labels"], -100)
    mask = padded([[1] * len(row) for row in batch["tokens"]], 0)
    seconds = []
    for repetition in range(int(repetitions)):
        start = time.perf_counter()
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        seconds.append(time.perf_counter() - start)
        if repetition == 0 and gradients != "-":
            prefix, names = "base_model.model.", dict(model.named_parameters())
            save_file({n.removeprefix(prefix).replace(".default.weight", ""): p.grad.float().contiguous()
                       for n, p in names.items() if p.grad is not None}, gradients)
        value = loss.item()
        model.zero_grad(set_to_none=True)
        del loss
    print(json.dumps({"loss": value, "seconds": seconds, "weightsMiB": weights, "aboveWeightsMiB": peak_kib() / 1024 - weights}))


if __name__ == "__main__":
    main()
