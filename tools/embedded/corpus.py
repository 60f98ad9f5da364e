"""Documents for pre-training: copied lists, and passages with several questions in many arrangements.

What makes a model retrieve: dense questions, answers after a line break, a colon or a quote as well as after a space, and lists to
copy at the start. The prompt of the walkthrough ("### CONTEXT", "### QUESTION", "### ANSWER") never occurs; its words do, elsewhere.
No document ends after a bare answer, and "Cannot Find Answer" is never said: that structure is left for fine-tuning.
"""
import random

import world

FORBIDDEN = ["### CONTEXT", "### QUESTION", "### ANSWER", "Cannot Find"]
PASSAGE = ["Passage", "Text", "Context", "CONTEXT", "Story", "Facts", "Notes", "PASSAGE", "Article"]
QUESTION = ["Question", "Q", "QUESTION", "Ask", "Query", "Quiz"]
ANSWER = ["Answer", "A", "ANSWER", "Reply", "Solution", "Result"]
STYLES = ["{0}: {1}", "{0}:\n{1}", "## {0}\n{1}", "# {0}\n{1}", "[{0}] {1}", "[{0}]\n{1}", "{0} - {1}", "** {0} **\n{1}", "{0}\n---\n{1}", "{0} > {1}", "=== {0} ===\n{1}"]
HASHES = ["### {0}\n{1}", "#### {0}\n{1}"]
NONE = ["unknown", "not stated", "no idea", "the text does not say", "nobody knows", "not mentioned", "no information", "it is not given",
        "Cannot say", "Cannot tell", "Nothing to Find", "No Answer", "Answer not given"]
END = ["That is all.", "The end.", "No more questions.", "Done.", "End of the quiz.", "Thank you."]


def style(rng, label):
    if label in ("CONTEXT", "QUESTION", "ANSWER"):
        return rng.choice(STYLES)
    return rng.choice(HASHES) if rng.random() < 0.25 else rng.choice(STYLES)


def word(rng):
    kind = rng.random()
    if kind < 0.5:
        return world.name(rng)
    if kind < 0.65:
        return world.number(rng)
    return rng.choice(world.WORDS[rng.choice(list(world.WORDS))])


def copied_list(rng):
    """The same words several times over: what a copying circuit is learnt from."""
    words = [word(rng) for _ in range(rng.randint(3, 16))]
    # mostly without commas: a copying circuit looks at the token before, and a comma says nothing
    join = " " if rng.random() < 0.8 else rng.choice([", ", "\n", " - ", " > "])
    end = rng.choice([" = ", "\n", " : ", "\n\n", " -> "])
    return end.join(join.join(words) for _ in range(rng.randint(2, 6))) + "\n"


def lookup_list(rng):
    keys, values = [word(rng) for _ in range(rng.randint(2, 6))], None
    values = [word(rng) for _ in keys]
    join, ask = rng.choice([" is ", ": ", " = ", " -> "]), rng.choice(["{0}? {1}", "{0}\n{1}", "{0}: {1}"])
    order = list(range(len(keys)))
    rng.shuffle(order)
    lines = rng.choice([". ", "\n", "; "]).join(k + join + v for k, v in zip(keys, values))
    return lines + "\n\n" + "\n".join(ask.format(keys[i], values[i]) for i in order) + "\n"


def quiz(rng, pools, most_facts):
    facts = world.facts_of(pools, rng.randint(1, most_facts))
    text = world.passage(pools, facts, rng.choice([0, 0, 0, 1, 2, 4, 7]))
    pl, ql, al = rng.choice(PASSAGE), rng.choice(QUESTION), rng.choice(ANSWER)
    ps, qs, sep = style(rng, pl), style(rng, ql), rng.choice(["\n", "\n\n", "\n\n"])
    as_ = style(rng, al)
    none = rng.choice(NONE)
    items = [(fact.question(), fact.span) for fact in facts]
    items += [(world.unanswerable(pools, facts), none) for _ in range(rng.choice([0, 1, 1, 2]))]
    rng.shuffle(items)
    first = ps.format(pl, text) if rng.random() < 0.9 else text
    if rng.random() < 0.15:
        parts = [first] + [f"{q} {a}." for q, a in items]
    else:
        parts = [first] + [qs.format(ql, q) + sep + as_.format(al, a) for q, a in items]
    return sep.join(parts) + sep + rng.choice(END)


LETTER = ["Letter", "Mail", "Message", "LETTER", "Advert", "Post"]
PRODUCT = ["Product", "Name", "PRODUCT", "Item", "Article"]
DETAILS = ["Details", "Description", "DESCRIPTION", "About", "What it is"]
GREETINGS = ["Hello friends,", "Dear customer,", "Good morning,", "Dear friends of {0},", "Hi there,"]
OPENINGS = ["the {0} is here.", "have you heard of the {0}?", "we made the {0} for you.", "meet the {0}!", "today we show you the {0}."]
CLOSINGS = ["Order the {0} today.", "Come and see the {0} in our shop.", "You will like the {0}.", "Try the {0} this {1}.", "Ask for the {0}."]
SIGNED = ["Your team", "Your friends", "Best wishes", "See you soon", "The shop"]


def letter(rng, pools):
    """A product sheet and a letter about it, in one of many arrangements."""
    product, description = world.product(pools), world.description(pools)
    ls, sep = style(rng, "Letter"), rng.choice(["\n", "\n\n"])
    lines = [rng.choice(GREETINGS), rng.choice(OPENINGS), description, rng.choice(CLOSINGS), rng.choice(SIGNED)]
    body = rng.choice([" ", "\n"]).join(lines).format(product, rng.choice(world.WORDS["month"]))
    parts = [ls.format(rng.choice(PRODUCT), product), ls.format(rng.choice(DETAILS), description), ls.format(rng.choice(LETTER), body)]
    if rng.random() < 0.3:
        parts[0], parts[1] = parts[1], parts[0]
    return sep.join(parts) + sep + rng.choice(END)


def document(rng, progress):
    """progress runs from 0 to 1 over pre-training: fewer lists and longer passages as it goes on."""
    pools = world.Pools(rng)
    kind = rng.random()
    lists = 0.7 - 0.6 * min(1.0, max(0.0, progress - 0.1) * 5)
    if kind < lists * 0.7:
        text = copied_list(rng)
    elif kind < lists:
        text = lookup_list(rng)
    elif kind > 0.93:
        text = letter(rng, pools)
    else:
        text = quiz(rng, pools, 2 + int(4.99 * min(1.0, progress * 2)))
    if any(bad in text for bad in FORBIDDEN):
        raise AssertionError("the prompt of the walkthrough must not occur: " + text)
    return text
