"""Loading a base with transformers and its first forward pass; the twin of FirstForward.java. All modules are imported before the clock starts.

    python peft_load.py JOB.json
"""
import time

import torch
from safetensors.torch import save_file

import peft_process


def main():
    job = peft_process.job()
    ids = torch.tensor(job["batches"][0]["tokens"])
    start = time.perf_counter()
    base = peft_process.base(job).eval()
    with torch.inference_mode():
        logits = base(input_ids=ids).logits[0]
    seconds = time.perf_counter() - start
    if job["results"]:
        save_file({"logits": logits.float().contiguous()}, job["results"])
    peft_process.finish(peft_process.weight_mib(base), seconds=[seconds])


if __name__ == "__main__":
    main()
