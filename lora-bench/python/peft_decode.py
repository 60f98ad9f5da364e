"""Greedy decoding of one batch with PEFT, an adapter for each row (adapter_names); the twin of Decode.java.

    python peft_decode.py JOB.json

A plain loop over forward passes with a cache: transformers' generate() adds to it. All rows have the same length, so nothing is padded.
"""
import time

import torch
from safetensors.torch import save_file

import peft_process


def main():
    job = peft_process.job()
    base = peft_process.base(job)
    model = peft_process.with_adapters(base, job, trainable=False).eval()
    mixed = {"adapter_names": [str(i) for i in range(len(job["adapters"]))]} if len(job["adapters"]) > 1 else {}
    ids, cache, chosen, seconds = torch.tensor(job["batches"][0]["tokens"]), None, [], []
    with torch.inference_mode():
        for step in range(job["newTokens"] + 1):
            start = time.perf_counter()
            out = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1, **mixed)
            logits, cache = out.logits[:, -1], out.past_key_values
            ids = logits.argmax(-1, keepdim=True)
            chosen.append(ids[:, 0].tolist())
            seconds.append(time.perf_counter() - start)
            if step == 1 and job["results"]:
                save_file({"logits": logits.float().contiguous()}, job["results"])
    peft_process.finish(peft_process.weight_mib(base), tokens=chosen, promptSeconds=seconds[0], seconds=seconds[1:])


if __name__ == "__main__":
    main()
