"""A small made-up world: names, words and families of facts, each with several ways to state it and to ask for it.

A fact is (subject, answer); a family gives statements and questions with {s} and {a}. Names are built from syllables, so that
an answer can only be copied from the passage, never remembered.
"""
import random

ONSETS = "b br d dr f g gr h j k l m n p r s st t tr v w z".split()
VOWELS = "a e i o u".split()
CODAS = " n r l s m".split(" ")

WORDS = {
    "job": "teacher baker doctor farmer painter singer pilot nurse lawyer sailor tailor miner barber butcher gardener driver cook writer judge dancer potter weaver fisher guard clerk".split(),
    "color": "red blue green yellow white black brown purple orange grey pink silver golden".split(),
    "animal": "dog cat horse parrot rabbit goat donkey turtle pony hamster sheep duck goose snake lizard".split(),
    "food": "cheese bread rice soup cake honey pasta salad pizza butter chocolate yoghurt mushroom potato tomato onion carrot cucumber cherry walnut pancake noodle".split(),
    "drink": "tea coffee milk water juice lemonade cider cocoa".split(),
    "material": "wood stone glass iron copper clay silk wool leather paper marble bronze straw".split(),
    "object": "lamp table chair clock box bridge door tower boat cup bell statue wagon gate mirror basket ladder drum roof fence".split(),
    "thing": "compass telescope engine printer kite piano camera radio rocket robot bicycle battery lantern umbrella zipper whistle".split(),
    "role": "mayor director captain president manager owner founder king queen leader chairman".split(),
    "event": "festival race market parade concert meeting fair tournament harvest election".split(),
    "month": "January February March April May June July August September October November December".split(),
    "sport": "football tennis chess swimming running cycling rowing skating boxing golf".split(),
    "subject": "history music physics biology geography poetry algebra chemistry drawing grammar".split(),
    "category": "food drink dessert breakfast snack meal gift toy tool sport colour hobby season medicine fruit vegetable".split(),
    "place": "library harbour museum castle station garden school hospital theatre temple bakery mill".split(),
}
ADJECTIVES = "old new small large quiet busy famous bright dark cold warm long short strange simple heavy light soft pretty useful modern ancient local popular gentle".split()
NOUNS = "river hill street window morning evening letter story song field forest road winter summer village family friend child people year night light sky sea wind rain sun star month surface side face gravity tide ocean water rock dust shadow night scientist map book journey visitor world planet space day time part".split()
VERBS = "walked looked worked stayed waited talked rested played slept travelled returned started finished moved turned shone grew changed".split()


def name(rng, syllables=None):
    count = syllables or rng.choice([2, 2, 2, 2, 3])
    text = "".join(rng.choice(ONSETS) + rng.choice(VOWELS) + (rng.choice(CODAS) if i == count - 1 or rng.random() < 0.2 else "") for i in range(count))
    return text[0].upper() + text[1:]


def number(rng):
    kind = rng.random()
    if kind < 0.35:
        return f"{rng.randint(10, 999)},{rng.randint(0, 999):03d}"
    if kind < 0.7:
        return f"{rng.randint(1, 99)},{rng.randint(0, 999):03d}"
    return str(rng.randint(2, 999))


class Pools:
    """Draws the parts of facts; `keep` limits common words, so that two data sets can use different ones."""

    def __init__(self, rng, keep=lambda kind, word: True, taken=frozenset()):
        self.rng, self.taken = rng, taken
        self.words = {kind: [w for w in words if keep(kind, w)] for kind, words in WORDS.items()}
        self.used_names = set()

    def draw(self, kind):
        rng = self.rng
        if kind in self.words:
            return rng.choice(self.words[kind])
        if kind == "number":
            return number(rng)
        if kind == "year":
            return str(rng.randint(1200, 2030))
        if kind == "body":
            return rng.choice(["", "", "the moon ", "the planet ", "the "]) + self.fresh_name()
        if kind == "two":
            return self.fresh_name() + " " + self.fresh_name()
        if kind == "person":
            return self.draw("two") if rng.random() < 0.25 else self.fresh_name()
        return self.fresh_name()

    def fresh_name(self):
        while True:
            text = name(self.rng)
            if text not in self.taken:
                self.used_names.add(text)
                return text


# family: (kinds of the slots of the subject, kind of the answer, statements, questions)
FAMILIES = [
    (["person"], "job", ["{0} works as a {a}.", "{0} is a {a}.", "For many years {0} has been a {a}.", "As everyone knows, {0} earns money as a {a}."],
     ["What does {0} do for a living?", "What is the job of {0}?", "What does {0} work as?", "Which profession does {0} have?"]),
    (["person"], "name", ["{0} lives in {a}.", "{0} has a house in {a}.", "The home of {0} is in {a}.", "{0} moved to {a}."],
     ["Where does {0} live?", "In which town does {0} live?", "Where is the home of {0}?"]),
    (["person"], "name", ["{0} was born in {a}.", "{0} comes from {a}.", "The birthplace of {0} is {a}."],
     ["Where was {0} born?", "Where does {0} come from?", "What is the birthplace of {0}?"]),
    (["person", "object"], "color", ["The {1} of {0} is {a}.", "{0} has a {a} {1}.", "{0} painted the {1} {a}."],
     ["What colour is the {1} of {0}?", "Which colour does the {1} of {0} have?"]),
    (["category"], "food", ["{A} is the best {0}.", "Many people say that {a} is the best {0}.", "The best {0} is {a}.", "Nothing beats {a} as a {0}.", "{A} is the best {0} of all."],
     ["What is the best {0}?", "Which {0} is the best?", "What do people call the best {0}?"]),
    (["category"], "name", ["{a} is the best {0}.", "The best {0} is {a}.", "They call {a} the best {0}."],
     ["What is the best {0}?", "Which {0} is the best?"]),
    (["body", "body"], "distance", ["{0} orbits {1} at a distance of {a}.", "{0} circles {1} at an average distance of {a}.", "The distance from {0} to {1} is {a}.", "{0} is {a} away from {1}.", "{0} orbits {1} at an average distance of about {a}.", "On average {0} is {a} away from {1}."],
     ["At what distance does {0} orbit {1}?", "How far is {0} from {1}?", "How far away is {0} from {1}?", "What is the distance from {0} to {1}?"]),
    (["name", "place"], "year", ["The {1} of {0} was built in {a}.", "{0} has had a {1} since {a}.", "In {a} the {1} of {0} was opened."],
     ["When was the {1} of {0} built?", "In which year was the {1} of {0} opened?", "Since when does {0} have a {1}?"]),
    (["name", "thing"], "money", ["A {1} from {0} costs {a}.", "{0} sells a {1} for {a}.", "The price of a {1} from {0} is {a}."],
     ["How much does a {1} from {0} cost?", "What is the price of a {1} from {0}?"]),
    (["person", "animal"], "name", ["{0} has a {1} named {a}.", "The {1} of {0} is called {a}.", "{0} gave the name {a} to a {1}."],
     ["What is the name of the {1} of {0}?", "What is the {1} of {0} called?", "How is the {1} of {0} called?"]),
    (["name"], "height", ["Mount {0} is {a} high.", "Mount {0} rises to {a}.", "The height of Mount {0} is {a}."],
     ["How high is Mount {0}?", "What is the height of Mount {0}?"]),
    (["object", "name"], "material", ["The {0} of {1} is made of {a}.", "{1} built a {0} of {a}.", "They used {a} for the {0} of {1}."],
     ["What is the {0} of {1} made of?", "Which material was used for the {0} of {1}?"]),
    (["role", "name"], "person", ["{a} is the {0} of {1}.", "The {0} of {1} is {a}.", "They chose {a} as {0} of {1}.", "{1} has a {0} called {a}."],
     ["Who is the {0} of {1}?", "What is the name of the {0} of {1}?", "Whom did they choose as {0} of {1}?"]),
    (["thing"], "person", ["{a} invented the {0}.", "The {0} was invented by {a}.", "The first {0} was made by {a}."],
     ["Who invented the {0}?", "By whom was the {0} invented?", "Who made the first {0}?"]),
    (["person"], "food", ["{0} likes {a}.", "{0} eats {a} every day.", "The favourite food of {0} is {a}."],
     ["What does {0} like to eat?", "What does {0} eat every day?", "What is the favourite food of {0}?"]),
    (["person"], "drink", ["{0} drinks {a} in the morning.", "The favourite drink of {0} is {a}."],
     ["What does {0} drink?", "What is the favourite drink of {0}?"]),
    (["event", "name"], "month", ["The {0} of {1} takes place in {a}.", "Every {a} there is a {0} in {1}.", "{1} holds a {0} in {a}."],
     ["When does the {0} of {1} take place?", "In which month is there a {0} in {1}?"]),
    (["person"], "sport", ["{0} plays {a}.", "{0} is good at {a}.", "The hobby of {0} is {a}."],
     ["What is {0} good at?", "What is the hobby of {0}?", "Which sport does {0} like?"]),
    (["person"], "subject", ["{0} studies {a}.", "At school {0} likes {a} most.", "{0} reads books about {a}."],
     ["What does {0} study?", "Which subject does {0} like most?", "What does {0} read about?"]),
    (["name"], "number", ["{0} has {a} inhabitants.", "The population of {0} is {a}.", "About {a} people live in {0}."],
     ["How many people live in {0}?", "What is the population of {0}?", "How many inhabitants does {0} have?"]),
    (["person"], "number", ["{0} is {a} days old.", "{0} counted {a} days."],
     ["How many days did {0} count?", "How old is {0} in days?"]),
]

UNITS = {"distance": ["km", "km", "miles", "metres"], "height": ["metres", "feet"], "money": ["coins", "dollars", "euros"]}


def answer_of(pools, kind):
    if kind in UNITS:
        return number(pools.rng) + " " + pools.rng.choice(UNITS[kind])
    return pools.draw(kind)


def fill(text, slots, answer):
    sentence = text.format(*slots, a=answer, A=answer[0].upper() + answer[1:])
    return sentence[0].upper() + sentence[1:]


class Fact:
    def __init__(self, pools, family):
        kinds, answer_kind, self.statements, self.questions = family
        self.family, self.rng = family, pools.rng
        self.slots = [pools.draw(kind) for kind in kinds]
        self.answer = self.span = answer_of(pools, answer_kind)

    def statement(self):
        """A sentence that states the fact; `span` is then the answer as the sentence writes it."""
        text = self.rng.choice(self.statements)
        self.span = self.answer[0].upper() + self.answer[1:] if text.startswith("{A}") else self.answer
        return fill(text, self.slots, self.answer)

    def question(self):
        return fill(self.rng.choice(self.questions), self.slots, self.answer)


def filler(rng):
    noun, adjective, verb = (lambda: rng.choice(NOUNS)), (lambda: rng.choice(ADJECTIVES)), (lambda: rng.choice(VERBS))
    return rng.choice([
        lambda: f"The {adjective()} {noun()} {verb()} near the {noun()}.",
        lambda: f"It was a {adjective()} {noun()}, and the {noun()} {verb()}.",
        lambda: f"Every {noun()} has a {adjective()} {noun()}.",
        lambda: f"In the {noun()} there is a {adjective()} {noun()} that nobody has seen.",
        lambda: f"Because of the {noun()}, the {noun()} {verb()} for a {adjective()} {noun()}.",
        lambda: f"Its {noun()} is {adjective()} and its {noun()} is {adjective()}.",
        lambda: f"Long ago the {noun()} {verb()} over the {adjective()} {noun()}.",
    ])()


def passage(pools, facts, fillers):
    sentences = [fact.statement() for fact in facts] + [filler(pools.rng) for _ in range(fillers)]
    pools.rng.shuffle(sentences)
    return " ".join(sentences)


def facts_of(pools, count):
    """Facts whose questions have one answer each: no two with the same subject in one family."""
    facts, seen = [], set()
    while len(facts) < count:
        fact = Fact(pools, pools.rng.choice(FAMILIES))
        key = fact.questions[0].format(*fact.slots, a="")
        if key not in seen:
            seen.add(key)
            facts.append(fact)
    return facts


def unanswerable(pools, facts):
    """A question that looks as if it belonged to the passage but is not answered in it."""
    stated = {fact.questions[0].format(*fact.slots, a="") for fact in facts}
    while True:
        other = Fact(pools, pools.rng.choice(facts).family if pools.rng.random() < 0.4 else pools.rng.choice(FAMILIES))
        source = pools.rng.choice(facts)
        if pools.rng.random() < 0.4 and source.family[0] == other.family[0]:
            other.slots = source.slots
        if other.questions[0].format(*other.slots, a="") not in stated:
            return other.question()


def product(pools):
    return pools.fresh_name() + " " + pools.rng.choice(["", "", "Home ", "Sun ", "River "]) + pools.draw(pools.rng.choice(["thing", "object"])).capitalize()


def description(pools):
    rng, draw = pools.rng, pools.draw
    adjective = lambda: rng.choice(ADJECTIVES)
    thing = draw(rng.choice(["thing", "object"]))
    return rng.choice([
        lambda: f"A {adjective()} {thing} of {draw('material')} for the {draw('place')}.",
        lambda: f"A {adjective()} and {adjective()} {thing} in {draw('color')}.",
        lambda: f"This {thing} of {draw('material')} is {adjective()}, {adjective()} and {draw('color')}.",
        lambda: f"It keeps the {rng.choice(NOUNS)} {adjective()} and costs {number(rng)} {rng.choice(UNITS['money'])}.",
        lambda: f"Made in {pools.fresh_name()} from {draw('material')}, {adjective()} as a {rng.choice(NOUNS)}.",
    ])()
