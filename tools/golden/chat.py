"""What transformers makes of chat templates. Runs after tokenizers_files.py.

Without an argument: of the templates in lora-djl/src/test/resources/golden/chat, which are this project's own. With a directory:
of the *.jinja in it, for the test of real models' templates (-Dlora4j.templates=DIR).
"""

import datetime
import json
import sys
from pathlib import Path

import transformers.utils.chat_template_utils as utils
from transformers import AutoTokenizer

from files import ROOT

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather",
        "description": "Gets the <weather> & more at \"a place\" – naïve",
        "parameters": {"type": "object", "required": ["place"], "properties": {
            "place": {"type": "string", "description": "City's name"},
            "days": {"type": "integer", "default": 3, "enum": [1, 3, 7]},
            "scale": {"type": "number", "default": 0.1, "minimum": 1e-7, "maximum": 1e16},
            "deep": {"type": "array", "items": {"type": "string"}},
            "flag": {"type": "boolean", "default": True, "description": None},
        }},
        "return": {"type": "object", "description": "what it is"},
    }},
    {"type": "function", "function": {
        "name": "stop", "description": "Stops", "parameters": {"type": "object", "properties": {}}}},
]
CALL = {"type": "function", "id": "abcdef123", "function": {
    "name": "get_weather", "arguments": {"place": "Zürich", "days": 3, "deep": ["a", 1, 2.5, True, None], "n": -0.0}}}
STOP = {"type": "function", "id": "abcdef124", "function": {"name": "stop", "arguments": {}}}


def said(role: str, content, **more) -> dict:
    return {"role": role, "content": content, **more}


def result(content: str, call: dict) -> dict:
    return said("tool", content, name=call["function"]["name"], tool_call_id=call["id"])


CASES = {
    "one": {"messages": [said("user", "Hi there")], "add_generation_prompt": True},
    "system": {
        "messages": [said("system", " You are <b>kind</b> & 'fair'. \n"), said("user", "  Hi\n there  ")],
        "add_generation_prompt": True},
    "turns": {"messages": [
        said("user", "a"), said("assistant", " b\n"), said("user", "c 😀 \"q\" 'x'"), said("assistant", "d{{ e }}")]},
    "turns_gen": {
        "messages": [said("system", "S"), said("user", "a"), said("assistant", "b"), said("user", "c")],
        "add_generation_prompt": True},
    "think": {"messages": [
        said("user", "a"), said("assistant", "<think>\nhm\n</think>\n\nb"),
        said("user", "c"), said("assistant", "d", reasoning_content="r1\n r2 ")]},
    "nothink": {"messages": [said("user", "a")], "add_generation_prompt": True, "enable_thinking": False},
    "tools": {
        "messages": [
            said("system", "S"), said("user", "weather?"), said("assistant", "", tool_calls=[CALL]),
            result("{\"t\": 3}", CALL), said("assistant", "3 degrees")],
        "tools": TOOLS},
    "tools_gen": {
        "messages": [said("user", "weather?"), said("assistant", None, tool_calls=[CALL]), result("sunny", CALL)],
        "tools": TOOLS, "add_generation_prompt": True},
    "tool_user": {"messages": [said("user", "weather?")], "tools": TOOLS, "add_generation_prompt": True},
    "parts": {"messages": [
        said("user", [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]),
        said("assistant", [{"type": "text", "text": "three"}])]},
    "bad": {"messages": [said("assistant", "b"), said("assistant", "b"), said("robot", "c")]},
    "two_tools": {
        "messages": [
            said("user", "w"), said("assistant", "both", tool_calls=[CALL, STOP]), result("x", CALL), result("y", STOP),
            said("user", "ok"), said("assistant", "fine")],
        "tools": TOOLS},
    "docs": {
        "messages": [said("user", "q")], "documents": [{"title": "T", "text": "body"}], "add_generation_prompt": True},
}


class Fixed(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 1, 2, 3, 4, 5)


def rendered(source: str, case: dict) -> dict:
    options = dict(case)
    messages = options.pop("messages")
    try:
        texts, spans = utils.render_jinja_template(
            [messages], chat_template=source, return_assistant_tokens_mask="generation" in source, **options, **TOKENS)
        return {"text": texts[0], "spans": spans[0] if spans else None}
    except Exception as e:  # whatever a template does to Python is a refusal
        return {"refused": f"{type(e).__name__}: {e}"}


def masks(directory: Path) -> None:
    """What return_assistant_tokens_mask says of the tokens, with tokenizers of tokenizers_files.py."""
    source = (directory / "marked.jinja").read_text(encoding="utf-8")
    result = {}
    for name in ("qwen2", "llama", "llama-3"):
        tokenizer = AutoTokenizer.from_pretrained(ROOT.parent / "tokenizers" / name)
        for case in ("turns", "turns_gen", "think", "tools", "two_tools", "parts"):
            messages = CASES[case]["messages"]
            out = tokenizer.apply_chat_template(
                messages, chat_template=source, return_assistant_tokens_mask=True, return_dict=True)
            result[f"{name} {case}"] = {"ids": out["input_ids"], "mask": out["assistant_masks"]}
    (directory / "masks.json").write_text(json.dumps(result) + "\n", encoding="utf-8")


def main(directory: Path) -> None:
    utils.datetime = Fixed
    expected = {}
    for path in sorted(directory.glob("*.jinja")):
        with open(path, newline="", encoding="utf-8") as file:
            source = file.read()
        expected[path.name] = {name: rendered(source, case) for name, case in CASES.items()}
    (directory / "expected.json").write_text(
        json.dumps({"cases": CASES, "expected": expected}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    outcomes = [one for cases in expected.values() for one in cases.values()]
    print(len(expected), "templates,", sum("text" in one for one in outcomes), "texts,",
          sum("refused" in one for one in outcomes), "refusals")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "chat")
    if len(sys.argv) == 1:
        masks(ROOT.parent / "chat")
