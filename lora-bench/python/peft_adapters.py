"""Loads many adapters on one base, switches between them and merges the first; the twin of ManyAdapters.java.

    python peft_adapters.py JOB.json

set_adapter is called in inference mode, as for serving.
"""
import statistics
import time

import torch
from peft import PeftModel
from safetensors.torch import save_file

import peft_process

SWITCHES = 8


def clock(action):
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def main():
    job = peft_process.job()
    base = peft_process.base(job)
    weights = peft_process.weight_mib(base)
    ids = torch.tensor(job["batches"][0]["tokens"])
    first, *others = job["adapters"]
    seconds, model = clock(lambda: PeftModel.from_pretrained(base, first, adapter_name="0"))
    loads = [seconds]
    for number, directory in enumerate(others, 1):
        loads.append(clock(lambda: model.load_adapter(directory, str(number)))[0])
    last = str(len(others))
    switches = [clock(lambda: model.set_adapter(name, inference_mode=True))[0] for name in ["0", last] * SWITCHES]
    with torch.inference_mode():
        results = {"last": model(input_ids=ids).logits[0]}
        model.set_adapter("0", inference_mode=True)
        merging, merged = clock(model.merge_and_unload)
        results["merged"] = merged(input_ids=ids).logits[0]
    if job["results"]:
        save_file({name: logits.float().contiguous() for name, logits in results.items()}, job["results"])
    peft_process.finish(weights, loads=loads, switch=statistics.median(switches), merge=merging)


if __name__ == "__main__":
    main()
