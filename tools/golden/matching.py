"""Which modules PEFT matches, as rows of settings and results; the results come from running PEFT.

    .venv/bin/python tools/golden/matching.py
"""

import itertools
import json
import random
import re
from pathlib import Path

from peft import LoraConfig
from peft.tuners.tuners_utils import _maybe_include_all_linear_layers, check_target_module_exists
from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
from peft.utils.other import get_pattern_key
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BloomConfig,
    BloomForCausalLM,
    BloomModel,
    GPT2Config,
    GPT2ForSequenceClassification,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

ROOT = Path(__file__).resolve().parents[2] / "lora-core/src/test/resources/golden/matching"

# the cases of PEFT's own test_regex_matching_valid: key, targets, layers, pattern
PEFT_CASES = [
    ("", [], None, None),
    ("", ["foo"], None, None),
    ("foo", [], None, None),
    ("foo", ["foo"], None, None),
    ("foo", ["bar"], None, None),
    ("foo", ["foo", "bar"], None, None),
    ("foo", "foo", None, None),
    ("foo", ".*oo", None, None),
    ("foo", "fo.*", None, None),
    ("foo", ".*bar.*", None, None),
    ("foobar", ".*oba.*", None, None),
    ("foo.bar.1.baz", ["baz"], [1], ["bar"]),
    ("foo.bar.1.baz", ["baz"], [0], ["bar"]),
    ("foo.bar.1.baz", ["baz"], [2], ["bar"]),
    ("foo.bar.10.baz", ["baz"], [0], ["bar"]),
    ("foo.bar.10.baz", ["baz"], [1], ["bar"]),
    ("foo.bar.1.baz", ["baz"], [0, 1, 2], ["bar"]),
    ("foo.bar.1.baz", ["baz", "spam"], [1], ["bar"]),
    ("foo.bar.1.baz", ["baz", "spam"], [0, 1, 2], ["bar"]),
    ("foo.whatever.1.baz", ["baz"], [1], []),
    ("foo.whatever.1.baz", ["baz"], [0], []),
    ("foo.whatever.1.baz", ["baz"], [1], ""),
    ("foo.whatever.1.baz", ["baz"], [0], ""),
    ("foo.whatever.1.baz", ["baz"], [1], None),
    ("foo.whatever.1.baz", ["baz"], [0], None),
    ("transformer.h.1.attn.attention.q_proj.foo", ["q_proj"], None, []),
    ("transformer.h.1.attn.attention.q_proj", [], None, []),
    ("transformer.h.1.attn.attention.q_proj", ["q_proj"], None, []),
    ("transformer.h.1.attn.attention.q_proj", ["q_proj", "v_proj"], None, []),
    ("transformer.h.1.attn.attention.resid_dropout", ["q_proj", "v_proj"], None, []),
    ("transformer.h.1.attn.attention.q_proj", ["q_proj"], [1], ["h"]),
    ("transformer.h.1.attn.attention.q_proj", ["q_proj"], [0], ["h"]),
    ("transformer.h.1.attn.attention.q_proj", ["q_proj"], [2], ["h"]),
    ("transformer.h.1.attn.attention.q_proj", ["q_proj"], [0, 1, 2], ["h"]),
    ("transformer.h.1.attn.attention.q_proj", ["q_proj", "v_proj"], [0, 1, 2], ["h"]),
    ("foo.bar.q_proj", ["q_proj"], None, []),
    ("foo.bar.1.baz", ["baz"], [1], ["foo"]),
    ("foo.bar.1.baz", ["baz"], [1], ["baz"]),
    ("bar.1.baz", ["baz"], [1], ["bar"]),
    ("foo.bar.001.baz", ["baz"], [1], ["bar"]),
    ("foo.bar.1.spam.2.baz", ["baz"], [1], ["bar"]),
    ("foo.bar.2.spam.1.baz", ["baz"], [1], ["bar"]),
    ("blocks.1.weight", ["weight"], [1], ["blocks"]),
    ("blocks.1.bias", ["weight"], [1], ["blocks"]),
    ("mlp.blocks.1.weight", ["weight"], [1], ["blocks"]),
    ("mlp.blocks.1.bias", ["weight"], [1], ["blocks"]),
]

KEYS = [
    "transformer.h.0.self_attention.query_key_value",
    "transformer.h.11.mlp.dense_h_to_4h",
    "model.layers.3.mlp.experts.5.down_proj",
    "h.2.attn.c_attn",
    "encoder.block.0.layer.1.DenseReluDense.wi",
    "lm_head",
]
TARGETS = [
    ["query_key_value", "c_attn", "wi"],
    ["attn.c_attn", "mlp.experts.5.down_proj", "self_attention.query_key_value"],
    ["transformer.h.11.mlp.dense_h_to_4h", "h.2.attn.c_attn"],
    ["key_value", "dense", "head", ".*proj"],
    ["lm_head", "down_proj", "dense_h_to_4h"],
]
REGEXES = [
    r".*\.(query_key_value|c_attn)",
    r"(query_key_value|c_attn)",
    r".*(?<!experts\.5\.)down_proj|lm_head",
    r"^(?!.*(experts|lm_head)).*$",
    r"(?P<whole>(?:\w+\.)*)(?P<last_1>w[ik]|c_\w{4})\Z",
    r"(?i).*\.MLP\..*",
    r".*\.\d{1,2}\.[a-z_]+\.[^.]+",
]
LAYERS = [(None, None), ([0, 3], None), ([2], ["h"]), ([0, 11, 5], ["h", "experts"]), ([1], ["layer", "block"]), (3, "layers")]
EXCLUDES = [None, ["mlp.dense_h_to_4h", "lm_head"], ["down_proj"], r".*\.h\.\d+\..*", r"lm.*"]

PATTERN_KEYS = ["foo", "^foo", "bar.foo", "^bar.foo", "b.r.foo", ".*foo", "foo|baz", "(foo", "fo+", "bar.f", "0.foo", r"\d.foo"]
PATTERN_PATHS = ["foo", "bar.foo", "bar.baz.foo", "barfoo", "xbar.foo", "layers.0.foo", "layers.10.foo", "baz.bar.baz", "foo.bar"]

REGEX_ATOMS = ["a", "b", ".", r"\.", r"\w", r"\d", "[ab]", "[^a]", "[^.]", "(a|b)", "(?:ab)", "(|a)", "[]a]", "[a[]", "a&&b", "[a&&b]"]
REGEX_ATOMS += ["(?=a)", "(?!b)", "$", "^", r"\b", r"\W", r"\s", "{", "}", "a{2}", "a{,2}", "b{1,}", "[a-c]", r"[\d_-]", "(?P<g_1>a)"]
REGEX_TEXTS = ["", "a", "b", "ab", "ba", "aab", "a.b", "a.1.b", "[", "a&b", "a\n", "é", "]", "a{", "_-1", "abab"]


def matched(key, targets, layers, pattern, exclude=None):
    config = LoraConfig(
        target_modules=targets, layers_to_transform=layers, layers_pattern=pattern, exclude_modules=exclude
    )
    result = check_target_module_exists(config, key)
    return bool(result) and type(result).__name__ != "_ExcludedModule"


def path_rows():
    rows = [(k, t, l, p, None, matched(k, t, l, p)) for k, t, l, p in PEFT_CASES]
    for key, targets, (layers, pattern), exclude in itertools.product(KEYS, TARGETS, LAYERS, EXCLUDES):
        rows.append((key, targets, layers, pattern, exclude, matched(key, targets, layers, pattern, exclude)))
    for key, targets, exclude in itertools.product(KEYS, REGEXES, EXCLUDES):
        rows.append((key, targets, None, None, exclude, matched(key, targets, None, None, exclude)))
    return rows


def pattern_rows():
    """Which of two keys, in this order, decides about a path; null if neither."""
    rows = []
    for first, second, path in itertools.product(PATTERN_KEYS, PATTERN_KEYS, PATTERN_PATHS):
        if first != second and "(foo" not in (first, second):
            hit = get_pattern_key([first, second], path)
            rows.append((first, second, path, None if hit == path and hit not in (first, second) else hit))
    random.Random(7).shuffle(rows)
    return [row for row in rows if row[3] != row[2]][:400]  # a key equal to the path could mean either


def regex_rows():
    rng = random.Random(42)
    rows = []
    while len(rows) < 1500:
        regex = "".join(
            rng.choice(REGEX_ATOMS) + rng.choice(["", "", "", "*", "+", "?", "*?"]) for _ in range(rng.randint(1, 4))
        )
        regex = regex if rng.random() < 0.8 else regex + "|" + rng.choice(REGEX_ATOMS)
        text = rng.choice(REGEX_TEXTS)
        try:
            rows.append((regex, text, bool(re.fullmatch(regex, text))))
        except re.error:
            rows.append((regex, text, None))
    return rows


def models():
    """Small models; nothing of them is read but their modules."""
    tiny = dict(vocab_size=32, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    return {
        "bloom": (BloomForCausalLM(BloomConfig(vocab_size=32, hidden_size=16, n_layer=2, n_head=2)), "CAUSAL_LM"),
        "bloom-body": (BloomModel(BloomConfig(vocab_size=32, hidden_size=16, n_layer=1, n_head=2)), None),
        "llama": (LlamaForCausalLM(LlamaConfig(**tiny)), "CAUSAL_LM"),
        "gpt_neox": (GPTNeoXForCausalLM(GPTNeoXConfig(**tiny)), "CAUSAL_LM"),
        "gpt2-classifier": (
            GPT2ForSequenceClassification(GPT2Config(vocab_size=32, n_embd=16, n_layer=1, n_head=2)), "SEQ_CLS"),
        "bert-classifier": (BertForSequenceClassification(BertConfig(**tiny)), "SEQ_CLS"),
        "t5": (T5ForConditionalGeneration(T5Config(vocab_size=32, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)), None),
    }


def kind(model, module) -> str:
    if module is model.get_output_embeddings():
        return "head"
    name = type(module).__name__
    return {"Linear": "linear", "Conv1D": "linear", "Embedding": "embedding"}.get(name, "other")


def all_linear_rows():
    rows = []
    for name, (model, task) in models().items():
        config = LoraConfig(target_modules="all-linear", task_type=task)
        found = _maybe_include_all_linear_layers(config, model).target_modules
        modules = [(path, kind(model, module)) for path, module in model.named_modules() if path]
        rows.append((name, task, modules, sorted(found)))
    return rows


def default_rows():
    table = TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    return [(name, t if isinstance(t, str) else sorted(t)) for name, t in sorted(table.items())]


def write(name: str, rows) -> None:
    ROOT.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row) for row in rows)
    (ROOT / f"{name}.json").write_text(f"[\n{lines}\n]\n")


def main() -> None:
    write("paths", path_rows())
    write("patterns", pattern_rows())
    write("regexes", regex_rows())
    write("all-linear", all_linear_rows())
    write("defaults", default_rows())


if __name__ == "__main__":
    main()
