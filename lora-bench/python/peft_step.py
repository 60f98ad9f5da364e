"""Loss and gradients of some batches with PEFT, in a process of its own; the twin of GradientStep.java.

    python peft_step.py JOB.json [--wait]

The first batch is run once to warm up, and its gradients are written if the job asks for results; then all batches are timed. With --wait the program
says "ready" after the warm-up and goes on when it is sent a line.
"""
import sys
import time

from safetensors.torch import save_file

import peft_process


class Steps:
    def __init__(self, model, batch):
        self.model = model
        self.ids, self.labels = peft_process.padded(batch["tokens"], 3), peft_process.padded(batch["labels"], -100)
        self.mask = peft_process.padded([[1] * len(row) for row in batch["tokens"]], 0)

    def run(self):
        loss = self.model(input_ids=self.ids, attention_mask=self.mask, labels=self.labels).loss
        print("forward is done", file=sys.stderr, flush=True)
        loss.backward()
        return loss.item()


def write_gradients(model, file):
    names = {n.removeprefix("base_model.model.").replace(".0.weight", ""): p for n, p in model.named_parameters()}
    save_file({n: p.grad.float().contiguous() for n, p in names.items() if p.grad is not None}, file)


def main():
    job = peft_process.job()
    base = peft_process.base(job)
    weights = peft_process.weight_mib(base)
    model = peft_process.with_adapters(base, job, trainable=True).train()
    print("the model is loaded", file=sys.stderr, flush=True)
    batches = [Steps(model, batch) for batch in job["batches"]]
    start = time.perf_counter()
    first = batches[0].run()
    first_seconds = time.perf_counter() - start
    if job["results"]:
        write_gradients(model, job["results"])
    model.zero_grad(set_to_none=True)
    if "--wait" in sys.argv:
        print("ready", flush=True)
        sys.stdin.readline()
    losses, seconds = [], []
    for _ in range(job["repetitions"]):
        start, losses = time.perf_counter(), []
        for batch in batches:
            losses.append(batch.run())
            model.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - start)
    peft_process.finish(weights, loss=first, firstSeconds=first_seconds, losses=losses, seconds=seconds)


if __name__ == "__main__":
    main()
