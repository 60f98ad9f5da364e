"""Writes the records of the second adapter: marketing e-mails for made-up products, one JSON object a line.

    python mail_data.py --out OUT [--seed 21] [--count 400]
"""
import argparse
import json
import pathlib
import random

import world

EMAIL = """Subject: Meet the {product}

Dear customer,

have you heard of the {product}? {description} Order the {product} today and tell your friends about it!

Your team"""


def product(pools):
    """A name, and a description of the thing that the name ends with."""
    rng, noun = pools.rng, pools.draw(pools.rng.choice(["thing", "object"]))
    adjective = lambda: rng.choice(world.ADJECTIVES)
    first = adjective()
    article = "An" if first[0] in "aeiou" else "A"
    description = rng.choice([
        lambda: f"{article} {first} {noun} of {pools.draw('material')} for the {pools.draw('place')}.",
        lambda: f"{article} {first} and {adjective()} {noun} in {pools.draw('color')}.",
        lambda: f"This {noun} of {pools.draw('material')} is {adjective()}, {adjective()} and {pools.draw('color')}.",
        lambda: f"Made in {pools.fresh_name()} from {pools.draw('material')}, {adjective()} and {adjective()}.",
    ])()
    return f"{pools.fresh_name()} {noun.capitalize()}", description


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--count", type=int, default=400)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    pools = world.Pools(rng)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "mails.jsonl", "w") as file:
        for _ in range(args.count):
            name, description = product(pools)
            record = {"product": name, "description": description, "email": EMAIL.format(product=name, description=description)}
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
