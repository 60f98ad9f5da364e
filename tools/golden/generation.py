"""Greedy generation token by token, and what the logits processors keep."""

from pathlib import Path

import torch
from peft import PeftModel
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.generation import LogitsProcessorList

from files import fresh, pad, token_rows, write_json

MARGIN = 2e-3


def write_greedy(path: Path, checkpoint: Path, adapter: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    peft = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32), adapter
    ).eval()
    prompts = token_rows(678, [5, 9, 2], base.config.vocab_size)
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    texts = [tokenizer.decode(p) for p in prompts]
    assert [tokenizer.encode(t).ids for t in texts] == prompts, "the prompts must be usable as text"
    cases = []
    for name, model in (("base", base), ("adapter", peft)):
        plain = [greedy(model, p) for p in prompts]
        cases.append(case(name, plain, "none", [], 1.0))
        penalised = [greedy(model, p, repetition_penalty=1.3) for p in prompts]
        cases.append(case(name, penalised, "none", [], 1.3))
        stop = plain[0][0][12]
        stopped = [greedy(model, p, eos_token_id=stop) for p in prompts]
        assert any(len(tokens) < 24 for tokens, _ in stopped) and stopped[0][0][-1] == stop
        cases.append(case(name, stopped, "eos", [stop], 1.0))
        assert batched(model, prompts) == [tokens for tokens, _ in plain], "left padding must change nothing"
    for one in cases:
        assert min(map(min, one["new_tokens"])) > 3, "no special token, or the text would not show it"
        one["new_texts"] = [tokenizer.decode(tokens) for tokens in one["new_tokens"]]
    write_json(path, {
        "checkpoint": "../power-of-two/checkpoint", "adapter": "../power-of-two/adapters/attention",
        "prompts": prompts, "prompt_texts": texts, "max_new_tokens": 24, "cases": cases,
    })


def case(model: str, outputs: list, stop: str, ids: list[int], penalty: float) -> dict:
    margin = min(m for _, m in outputs)
    assert margin > MARGIN, f"two tokens are nearly equal ({margin}): choose another seed"
    return {
        "model": model, "repetition_penalty": penalty, "stop_tokens": ids,
        "stop_token_is_last_if_met": stop == "eos", "smallest_margin": round(margin, 6),
        "new_tokens": [tokens for tokens, _ in outputs],
    }


def settings(**changed) -> GenerationConfig:
    # id 101 does not exist: generation without a stop token
    return GenerationConfig(
        **{"do_sample": False, "max_new_tokens": 24, "pad_token_id": 3, "eos_token_id": 101} | changed
    )


def greedy(model, prompt: list[int], **changed) -> tuple[list[int], float]:
    """New tokens and the smallest distance between the best and the second score."""
    out = model.generate(
        input_ids=torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        generation_config=settings(**changed, output_scores=True, return_dict_in_generate=True),
    )
    best = [scores[0].topk(2).values for scores in out.scores]
    return out.sequences[0, len(prompt):].tolist(), min((a - b).item() for a, b in best)


def batched(model, prompts: list[list[int]]) -> list[list[int]]:
    ids = pad(prompts, 3, left=True)
    mask = pad([[1] * len(p) for p in prompts], 0, left=True)
    out = model.generate(input_ids=ids, attention_mask=mask, generation_config=settings())
    return out[:, ids.shape[1]:].tolist()


def write_sampling(path: Path, checkpoint: Path) -> None:
    """The processors that `generate` builds for a setting, in its order, on one vector of scores."""
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    g = torch.Generator().manual_seed(700)
    scores = (torch.randn(1, 50, generator=g) * 2).tolist()[0]
    best = torch.tensor(scores).argsort(descending=True).tolist()
    context = [best[0], best[3], best[0], best[40], best[45]]
    alone = {"temperature": 0.7, "top_k": 10, "top_p": 0.8, "repetition_penalty": 1.3}
    cases = [{name: value} for name, value in alone.items()]
    cases += [
        {"temperature": 0.7, "top_k": 10, "top_p": 0.8},
        alone,
        {"top_k": 10, "top_p": 0.8},
        {"temperature": 1.5, "top_p": 0.95},
        {"top_p": 0.01},
        {"top_k": 500},
    ]
    neutral = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.0}
    write_json(path, {
        "scores": scores, "context": context,
        "note": "the context is what repetition_penalty looks at; probabilities go with kept, id by id",
        "cases": [processed(model, context, scores, neutral | given) for given in cases],
    })


def processed(model, context: list[int], scores: list[float], given: dict) -> dict:
    config = GenerationConfig(do_sample=True, **given)
    processors: LogitsProcessorList = model._get_logits_processor(
        generation_config=config, input_ids_seq_length=len(context), logits_processor=LogitsProcessorList()
    )
    out = processors(torch.tensor([context]), torch.tensor([scores]))[0]
    kept = torch.isfinite(out).nonzero()[:, 0].tolist()
    return {
        "settings": given, "processors": [type(p).__name__ for p in processors],
        "kept": kept, "probabilities": out.softmax(-1)[kept].tolist(),
    }


def write_all(directory: Path, case_directory: Path) -> None:
    fresh(directory)
    write_greedy(directory / "greedy.json", case_directory / "checkpoint", case_directory / "adapters/attention")
    write_sampling(directory / "sampling.json", case_directory / "checkpoint")
