"""Pre-trains the embedded base and writes it as a Hugging Face BLOOM checkpoint.

    python pretrain.py --out OUT [--tokens 15e6] [--seed 7]

Tokenizer and text are made here; nothing is downloaded. Measures a retrieval probe as it goes on.
"""
import argparse
import json
import math
import pathlib
import random
import time

import torch
import torch.nn.functional as F
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import BloomConfig, BloomForCausalLM

import corpus
import world

HIDDEN, LAYERS, HEADS, VOCABULARY, WINDOW, BATCH = 256, 4, 8, 3072, 288, 12


def make_tokenizer(seed):
    rng = random.Random(seed)
    tokenizer = Tokenizer(models.BPE())
    # A word is the same tokens wherever it stands, so that an answer after a line break can be copied from a passage, where
    # a space stands before the word: a line break is given a space, and decoding takes it away again. Numbers in threes.
    tokenizer.normalizer = normalizers.Replace(Regex(r"\n(?=\S)"), "\n ")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r" ?\d{1,3}| ?\p{L}+| ?[^\s\p{L}\d]+|\s"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Replace("\n ", "\n")])
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=["<unk>", "<s>", "</s>", "<pad>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator((corpus.document(rng, 0.6) for _ in range(20000)), trainer)
    return tokenizer


class Stream:
    """Documents joined by </s>, cut into windows."""

    def __init__(self, tokenizer, seed):
        self.rng, self.tokenizer, self.buffer = random.Random(seed), tokenizer, []
        self.eos = tokenizer.token_to_id("</s>")

    def batch(self, progress):
        need = BATCH * WINDOW
        while len(self.buffer) < need:
            texts = [corpus.document(self.rng, progress) for _ in range(64)]
            for encoded in self.tokenizer.encode_batch(texts):
                self.buffer += encoded.ids + [self.eos]
        block, self.buffer = self.buffer[:need], self.buffer[need:]
        return torch.tensor(block).view(BATCH, WINDOW)


class Muon:
    """Momentum whose update is made orthogonal (Jordan et al. 2024): small models learn to copy in a fraction of AdamW's steps."""

    def __init__(self, matrices, momentum=0.95):
        self.matrices, self.momentum = matrices, momentum
        self.buffers = [torch.zeros_like(m) for m in matrices]

    @torch.no_grad()
    def step(self, rate):
        for matrix, buffer in zip(self.matrices, self.buffers):
            buffer.lerp_(matrix.grad, 1 - self.momentum)
            update = orthogonal(matrix.grad.lerp(buffer, self.momentum))
            matrix.add_(update, alpha=-rate * max(1, matrix.size(0) / matrix.size(1)) ** 0.5)


def orthogonal(x, steps=5):
    """Newton and Schulz's iteration towards the nearest orthogonal matrix, with the coefficients of Jordan et al."""
    tall = x.size(0) > x.size(1)
    y = (x.t() if tall else x).bfloat16()
    y = y / (y.norm() + 1e-7)
    for _ in range(steps):
        a = y @ y.t()
        y = 3.4445 * y + (-4.7750 * a + 2.0315 * a @ a) @ y
    return (y.t() if tall else y).float()


def alibi(tokens):
    slopes = torch.tensor([2.0 ** (-8.0 * (i + 1) / HEADS) for i in range(HEADS)])
    # by distance, not by position: in bf16 the large numbers of the latter would blur which neighbour is which
    distance = torch.arange(tokens)[None, :] - torch.arange(tokens)[:, None]
    return (slopes[:, None, None] * distance + torch.full((tokens, tokens), -math.inf).triu(1)).unsqueeze(0)


def forward(model, ids, mask):
    """The same computation as transformers' BLOOM, with fused attention; checked against it before training."""
    t, b = model.transformer, ids.size(0)
    x = t.word_embeddings_layernorm(t.word_embeddings(ids))
    for block in t.h:
        n = block.input_layernorm(x)
        q, k, v = block.self_attention.query_key_value(n).view(b, -1, HEADS, 3, HIDDEN // HEADS).permute(3, 0, 2, 1, 4)
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
        x = x + block.self_attention.dense(o.transpose(1, 2).reshape(b, -1, HIDDEN))
        n = block.post_attention_layernorm(x)
        x = x + block.mlp.dense_4h_to_h(F.gelu(block.mlp.dense_h_to_4h(n), approximate="tanh"))
    return t.ln_f(x)


@torch.no_grad()
def probe(model, tokenizer, mask, count=60):
    """Shares of fresh questions, asked as in the corpus, answered right: those with an answer, and those without one; and the
    share of tokens of a list that is copied right."""
    rng = random.Random(12345)
    pools, right, refused, copied, listed = world.Pools(rng), 0, 0, 0, 0
    refusals = {tokenizer.encode("\n" + text).ids[1] for text in corpus.NONE}

    def greedy(head, answer):
        """The most likely token at every position of the answer and after it."""
        ids = tokenizer.encode(head).ids
        hidden = forward(model, torch.tensor([ids + answer]), mask[:, :, : len(ids + answer), : len(ids + answer)])
        return (hidden[0] @ model.transformer.word_embeddings.weight.t()).argmax(-1).tolist()[len(ids) - 1 :]

    def tokens(text):
        return tokenizer.encode("\n" + text).ids[1:]

    for _ in range(count):
        facts = world.facts_of(pools, 4)
        text = world.passage(pools, facts, 1)
        fact = rng.choice(facts)
        style = rng.choice(["## {0}\n{1}", "{0}:\n{1}", "[{0}]\n{1}"])
        head = style.format("Text", text) + "\n\n" + style.format("Question", "{0}") + "\n\n" + style.format("Answer", "")
        right += greedy(head.replace("{0}", fact.question()), tokens(fact.span))[:-1] == tokens(fact.span)
        refused += greedy(head.replace("{0}", world.unanswerable(pools, facts)), [])[0] in refusals
        words = " ".join(corpus.word(rng) for _ in range(8))
        best = greedy(f"{words}\n=\n", tokens(words))
        copied += sum(a == b for a, b in zip(best, tokens(words)))
        listed += len(tokens(words))
    return right / count, refused / count, copied / listed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--tokens", type=float, default=15e6)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    tokenizer = make_tokenizer(args.seed)
    config = BloomConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=HIDDEN, n_layer=LAYERS, n_head=HEADS,
                         bos_token_id=1, eos_token_id=2, pad_token_id=3, unk_token_id=0, use_cache=True)
    model = BloomForCausalLM(config)
    mask = alibi(WINDOW)
    stream = Stream(tokenizer, args.seed + 1)
    sample = stream.batch(0.0)[:2, :40]
    reference = model(sample).logits
    ours = forward(model, sample, mask[:, :, :40, :40]) @ model.transformer.word_embeddings.weight.t()
    assert (reference - ours).abs().max() < 1e-3, (reference - ours).abs().max()

    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and "word_embeddings" not in name]
    rest = [p for name, p in model.named_parameters() if p.dim() == 1 or "word_embeddings" in name]
    muon = Muon(matrices)
    optimizer = torch.optim.AdamW(rest, lr=2e-3, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    start, step, seen = time.time(), 0, 0
    while True:
        progress = seen / args.tokens
        if progress >= 1:
            break
        # constant until the copying circuit stands, then down to a tenth
        rate = min(1.0, (step + 1) / 50) * min(1.0, max(0.05, 1 - 0.95 * (progress - 0.5) / 0.5))
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * rate
        ids = stream.batch(progress)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            hidden = forward(model, ids[:, :-1], mask[:, :, : WINDOW - 1, : WINDOW - 1])
            logits = hidden.reshape(-1, HIDDEN) @ model.transformer.word_embeddings.weight.t()
        loss = F.cross_entropy(logits.float(), ids[:, 1:].reshape(-1))
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        muon.step(0.02 * rate)
        step += 1
        seen += ids.numel()
        if step % 50 == 0:
            line = f"step {step} tokens {seen / 1e6:.2f}M loss {loss.item():.3f} rate {rate:.2f} {seen / (time.time() - start):.0f} tok/s"
            if step % 100 == 0:
                line += " probe %.2f refused %.2f copied %.2f" % probe(model, tokenizer, mask)
                save(model, tokenizer, out)
            print(line, flush=True)
    print("final probe %.3f refused %.3f copied %.3f" % probe(model, tokenizer, mask, 200), f"after {seen / 1e6:.1f}M tokens", flush=True)
    save(model, tokenizer, out)


def save(model, tokenizer, out):
    half = BloomForCausalLM(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(out)
    config = json.loads((out / "config.json").read_text())
    config["_name_or_path"] = "lora4j/tiny-bloom"
    (out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    tokenizer.save(str(out / "tokenizer.json"))
    (out / "tokenizer_config.json").write_text(json.dumps({
        "add_prefix_space": False, "bos_token": "<s>", "clean_up_tokenization_spaces": False, "eos_token": "</s>",
        "model_max_length": 1000000, "pad_token": "<pad>", "padding_side": "left", "tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"}, indent=2) + "\n")


if __name__ == "__main__":
    main()
