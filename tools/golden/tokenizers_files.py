"""Tiny tokenizers of the shapes that models have, and what transformers' AutoTokenizer makes of them.

Vocabularies are trained on a few sentences. The settings of tokenizer_config.json contradict tokenizer.json on purpose here and
there: the golden ids say which of the two counts.
"""

import copy
import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

from files import ROOT, fresh

CORPUS = [
    "The weather in the north is cold, and the wind blows from the sea.",
    "What is the weather like today? It is cold and the sea is grey.",
    "Don't ask me again: I can't say, and they won't say it either!",
    "naïve café, Zürich, 日本語 and 😀 emoji 👩‍👩‍👧 in the text.",
    "def add(a, b):\n    return a + b\n\nprint(add(1, 2))\n",
] * 3

TEXTS = [
    "", " ", "The weather", " the weather", "  two  spaces ", "line\n\nbreak\n", "naïve Zürich 日本語 😀 👩‍👩‍👧", "é e\u0301 Ω",
    "I don't say n't . OK ? 's ' m", "<s>The sea</s> is <|im_start|>cold<|im_end|> <unk>!", "\u0000\u0001 \ufffd",
    "▁under ▁score", "1234567", "<|endoftext|>cold<bos>", "<|user|> \n cold<|end|> \n<pad>",
]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")


def byte_level(special: list[str], regex: str | None = None, vocabulary: int = 330) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex is None)
    tokenizer.pre_tokenizer = words if regex is None else pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(regex), "isolated"), words])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=special, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def sentence_piece(special: list[str], gemma: bool = False) -> Tokenizer:
    """Merges on texts with ▁ for spaces, bytes for what is not in the vocabulary."""
    trained = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never" if gemma else "always")
    trainer = trainers.BpeTrainer(vocab_size=120, special_tokens=special, show_progress=False, limit_alphabet=50)
    trained.train_from_iterator([t for t in CORPUS if t.isascii()], trainer)
    content = json.loads(trained.to_str())
    pieces = list(special) + [f"<0x{b:02X}>" for b in range(256)]
    pieces += [p for p in sorted(content["model"]["vocab"], key=content["model"]["vocab"].get) if p not in special]
    model = models.BPE(
        vocab={p: i for i, p in enumerate(pieces)}, merges=[tuple(m) for m in content["model"]["merges"]],
        unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    replace = normalizers.Replace(" ", "▁")
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    if gemma:
        tokenizer.normalizer = replace
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    else:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), replace])
        parts.append(decoders.Strip(" ", 1, 0))
    tokenizer.decoder = decoders.Sequence(parts)
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in special])
    return tokenizer


def unigram(special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=110, special_tokens=special, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def around(tokenizer: Tokenizer, before: list[str], after: list[str] = ()) -> Tokenizer:
    tokens = [*before, *after]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=" ".join([*before, "$A", *after]), special_tokens=[(t, tokenizer.token_to_id(t)) for t in tokens])
    return tokenizer


def decoder(tokenizer: Tokenizer, changed: dict | None = None) -> dict:
    entries = {}
    for token in json.loads(tokenizer.to_str())["added_tokens"]:
        entries[str(token.pop("id"))] = token | (changed or {}).get(token["content"], {})
    return entries


def shapes() -> dict:
    chat = ["<|im_start|>", "<|im_end|>"]
    llama = around(sentence_piece(["<unk>", "<s>", "</s>"]), ["<s>"])
    names = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    gpt2 = byte_level(["<|endoftext|>"])
    phi3 = copy.deepcopy(llama)
    phi3.add_tokens([AddedToken(t, special=True, rstrip=True, normalized=False) for t in ("<|user|>", "<|end|>")])
    neox = around(byte_level(["<|endoftext|>", "<|padding|>"]), ["<|endoftext|>"])
    neox.normalizer = normalizers.NFC()
    qwen = byte_level(["<|endoftext|>", *chat])
    return {
        "llama": (llama, "llama", {"tokenizer_class": "LlamaTokenizer", "legacy": False, "add_bos_token": False,
                                   "add_eos_token": True, **names, "added_tokens_decoder": decoder(llama)}),
        "llama-legacy": (llama, "llama", {"tokenizer_class": "LlamaTokenizerFast", "legacy": True, **names,
                                          "pad_token": "</s>", "clean_up_tokenization_spaces": True}),
        "llama-no-prefix": (llama, "llama", {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": False, **names}),
        "llama-3": (around(byte_level(["<|begin|>", "<|end|>", *chat], LLAMA3), ["<|begin|>"]), "llama", {
            "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin|>", "eos_token": "<|im_end|>",
            "clean_up_tokenization_spaces": True}),
        "mistral": (llama, "mistral", {"tokenizer_class": "LlamaTokenizer", "legacy": False, **names,
                                       "additional_special_tokens": ["<|user|>"]}),
        "phi3": (phi3, "phi3", {"tokenizer_class": "LlamaTokenizer", "legacy": False, **names, "eos_token": "<|end|>",
                                "added_tokens_decoder": decoder(phi3)}),
        "qwen2": (qwen, "qwen2", {"tokenizer_class": "Qwen2Tokenizer", "bos_token": None, "eos_token": "<|im_end|>",
                                  "added_tokens_decoder": decoder(qwen)}),
        "qwen2-misnamed": (byte_level(["<|endoftext|>"], LLAMA3), "qwen2", {"tokenizer_class": "LlamaTokenizerFast"}),
        "gpt2": (gpt2, "gpt2", {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024}),
        "gpt2-prefix": (gpt2, "gpt2", {"add_prefix_space": True, "pad_token": "<|padding|>"}),
        "opt": (around(byte_level(["<pad>", "</s>", "<unk>"]), ["</s>"]), "opt", {
            "tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "bos_token": {"__type": "AddedToken", "content": "</s>"},
            "eos_token": {"__type": "AddedToken", "content": "</s>"}, "unk_token": "</s>", "pad_token": "<pad>"}),
        "gpt-neox": (neox, "gpt_neox", {"tokenizer_class": "GPTNeoXTokenizer", "add_bos_token": True}),
        "gemma": (around(sentence_piece(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"], gemma=True), ["<bos>"]), "gemma2", {
            "tokenizer_class": "GemmaTokenizer", "add_bos_token": True}),
        "gemma-named": (around(sentence_piece(["<pad>", "<eos>", "<bos>", "<unk>"], gemma=True), ["<bos>"]), "gemma3_text", {
            "tokenizer_class": "GemmaTokenizer", "boi_token": "<|im_start|>", "additional_special_tokens": ["<|endoftext|>"],
            "extra_special_tokens": {"eoi_token": "<|im_end|>", "image_token": "<|user|>"}}),
        "qwen2-more": (qwen, "qwen2", {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<pad>", "bos_token": "<s>",
                                       "sep_token": "</s>", "additional_special_tokens": ["<bos>"],
                                       "extra_special_tokens": ["<|user|>", "<unk>", "<|end|>"]}),
        "falcon": (byte_level([">>TITLE<<", "<|endoftext|>"]), "falcon", {
            "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>"}),
        "bloom": (around(byte_level(["<unk>", "<s>", "</s>", "<pad>"]), [], ["</s>"]), "bloom", {
            "tokenizer_class": "BloomTokenizerFast", **names, "pad_token": "<pad>"}),
        "unigram": (around(unigram(["<unk>", "<s>", "</s>"]), ["<s>"], ["</s>"]), "bloom", {
            "tokenizer_class": "PreTrainedTokenizerFast", **names, "clean_up_tokenization_spaces": True}),
        "bare": (gpt2, "falcon", {}),
    }


def case(tokenizer, text: str) -> dict:
    encoded = tokenizer(text, return_offsets_mapping=True)
    plain = tokenizer(text, add_special_tokens=False)["input_ids"]
    return {
        "text": text, "ids": encoded["input_ids"], "plain": plain, "offsets": [list(o) for o in encoded["offset_mapping"]],
        "decoded": tokenizer.decode(encoded["input_ids"], skip_special_tokens=True),
        "decoded_all": tokenizer.decode(encoded["input_ids"]),
    }


def main() -> None:
    root = ROOT.parent / "tokenizers"
    fresh(root)
    for name, (backend, model_type, config) in shapes().items():
        directory = fresh(root / name)
        backend.save(str(directory / "tokenizer.json"), pretty=False)
        (directory / "config.json").write_text(json.dumps({"model_type": model_type}) + "\n")
        (directory / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n")
        if name == "llama-legacy":
            (directory / "special_tokens_map.json").write_text(json.dumps({"eos_token": {"content": "<unk>"}}) + "\n")
        tokenizer = AutoTokenizer.from_pretrained(directory)
        roles = {r: getattr(tokenizer, r + "_token_id") for r in ("bos", "eos", "pad")}
        expected = {"class": type(tokenizer).__name__, **roles, "cases": [case(tokenizer, t) for t in TEXTS]}
        (directory / "expected.json").write_text(json.dumps(expected, ensure_ascii=False) + "\n", encoding="utf-8")
        print(name, type(tokenizer).__name__, roles, len(tokenizer))


if __name__ == "__main__":
    main()
