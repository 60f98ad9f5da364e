"""Writes the training and the held-out set of the walkthrough in SQuAD v2.0 layout.

    python squad_data.py --out OUT [--seed 11]

Entities do not overlap: no name and no number of one set occurs in the other, and the common words that can be answers (jobs,
foods, colours, ...) are divided between them. Answers are spans of the passage; about a third of the questions have none.
"""
import argparse
import hashlib
import json
import pathlib
import random
import re

import world

HELD_OUT_WORDS = {"cheese"}


def half(kind, word):
    """Which set a common word belongs to: 0 training, 1 held out."""
    if word in HELD_OUT_WORDS:
        return 1
    return int(hashlib.sha256(f"{kind}/{word}".encode()).hexdigest(), 16) % 3 == 0


def question(text, identity, start, answer):
    answers = [] if answer is None else [{"text": answer, "answer_start": start}]
    return {"id": identity, "question": text, "answers": answers, "is_impossible": answer is None}


def paragraph(pools, rng, label):
    facts = world.facts_of(pools, rng.choice([1, 2, 3, 3, 4, 4, 5, 6]))
    sentences = [fact.statement() for fact in facts]
    lines = sentences + [world.filler(rng) for _ in range(rng.choice([0, 0, 1, 2, 4, 6]))]
    rng.shuffle(lines)
    text, questions = " ".join(lines), []
    asked = rng.sample(list(zip(facts, sentences)), min(len(facts), 3))
    for fact, sentence in asked:
        inside = re.search(rf"(?<!\w){re.escape(fact.span)}(?!\w)", sentence) or re.search(re.escape(fact.span), sentence)
        start = text.index(sentence) + inside.start()
        assert text[start : start + len(fact.span)] == fact.span, (fact.span, sentence)
        questions.append(question(fact.question(), f"{label}-{len(questions)}", start, fact.span))
    for _ in range(rng.choice([0, 1, 1, 2])):
        questions.append(question(world.unanswerable(pools, facts), f"{label}-{len(questions)}", -1, None))
    return {"context": text, "qas": questions}


def numbers(paragraphs):
    return {n for p in paragraphs for n in re.findall(r"\d[\d,]*", p["context"])}


def dataset(seed, side, count, label, taken=frozenset(), taken_numbers=frozenset()):
    rng = random.Random(seed)
    pools = world.Pools(rng, keep=lambda kind, word: half(kind, word) == side, taken=taken)
    paragraphs = []
    while len(paragraphs) < count:
        candidate = paragraph(pools, rng, f"{label}-{len(paragraphs):04d}")
        if not numbers([candidate]) & taken_numbers:
            paragraphs.append(candidate)
    articles = [{"title": f"{label} {i // 10 + 1}", "paragraphs": paragraphs[i : i + 10]} for i in range(0, count, 10)]
    return {"version": "v2.0", "data": articles}, paragraphs, pools.used_names


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    train, train_paragraphs, names = dataset(args.seed, 0, 500, "train")
    held_out, held_out_paragraphs, _ = dataset(args.seed + 1, 1, 60, "heldout", names, numbers(train_paragraphs))
    for name, data, paragraphs in [("train", train, train_paragraphs), ("heldout", held_out, held_out_paragraphs)]:
        (out / f"{name}-v2.0.json").write_text(json.dumps(data, separators=(",", ":")) + "\n")
        qas = [q for p in paragraphs for q in p["qas"]]
        print(f"{name}: {len(paragraphs)} passages, {len(qas)} questions, {sum(q['is_impossible'] for q in qas)} of them unanswerable")


if __name__ == "__main__":
    main()
