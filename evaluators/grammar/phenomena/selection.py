"""Selection: which form, complement or case one word asks of another."""

from evaluators.grammar.lexicon import (
    ADVERBS,
    ALONE,
    BREAKING,
    DEGREES,
    HANDLING,
    NEAR,
    PEOPLE,
    SOCIAL,
    THINGS,
    WITH_ING,
    WITH_TO,
)
from evaluators.grammar.twins import Draw, Phenomenon, Twin, twin

OF_ANYTHING = ("mentioned", "described", "admired", "avoided", "defended", "respected")
PRONOUNS = (("she", "her"), ("he", "him"), ("they", "them"), ("we", "us"))


def irregular_participle(draw: Draw) -> Twin:
    """The boy has broken the cup / has broke the cup."""
    subject, verb, thing = draw.pick(PEOPLE), draw.pick(BREAKING), draw.pick(THINGS)
    adverb, end = draw.maybe(ADVERBS), f"the {draw.number(thing)}"
    return twin(
        f"the {subject.one} has {adverb}{verb.participle} {end}",
        f"the {subject.one} has {adverb}{verb.past} {end}",
        f"the {subject.one} {adverb}{verb.past} {end}",
        f"the {subject.one} {adverb}{verb.participle} {end}",
    )


def transitivity(draw: Draw) -> Twin:
    """The boy praised the girl / smiled the girl."""
    subject, other = draw.two(PEOPLE)
    needs, lacks = draw.pick(SOCIAL).past, draw.pick(ALONE).past
    thing, near, adverb = draw.pick(THINGS), draw.pick(NEAR), draw.maybe(ADVERBS)
    start, number = f"the {subject.one} {adverb}", draw.number(other)
    return twin(
        f"{start}{needs} the {number}",
        f"{start}{lacks} the {number}",
        f"{start}{lacks} {near} the {thing.one}",
        f"{start}{needs} {near} the {thing.one}",
    )


def auxiliary_form(draw: Draw) -> Twin:
    """The boy is often sleeping / has often sleeping."""
    subject, verb, adverb = draw.pick(PEOPLE), draw.pick(ALONE), draw.maybe(ADVERBS)
    end = f"{draw.pick(NEAR)} the {draw.pick(THINGS).one}"
    return twin(
        f"the {subject.one} is {adverb}{verb.gerund} {end}",
        f"the {subject.one} has {adverb}{verb.gerund} {end}",
        f"the {subject.one} has {adverb}{verb.participle} {end}",
        f"the {subject.one} is {adverb}{verb.participle} {end}",
    )


def verb_complement(draw: Draw) -> Twin:
    """The boy wanted to sleep / wanted sleeping."""
    subject, verb = draw.pick(PEOPLE), draw.pick(HANDLING)
    to, ing, end = draw.pick(WITH_TO), draw.pick(WITH_ING), f"the {draw.number(draw.pick(THINGS))}"
    return twin(
        f"the {subject.one} {to} to {verb.base} {end}",
        f"the {subject.one} {to} {verb.gerund} {end}",
        f"the {subject.one} {ing} {verb.gerund} {end}",
        f"the {subject.one} {ing} to {verb.base} {end}",
    )


def pronoun_case(draw: Draw) -> Twin:
    """The girl said that she praised the boy / her praised the boy."""
    subject, other = draw.two(PEOPLE)
    verb, case = draw.pick(SOCIAL).past, draw.pick(PRONOUNS)
    start = f"the {subject.one} said that"
    return twin(
        f"{start} {case[0]} {verb} the {other.one}",
        f"{start} {case[1]} {verb} the {other.one}",
        f"{start} the {other.one} {verb} {case[1]}",
        f"{start} the {other.one} {verb} {case[0]}",
    )


def comparison(draw: Draw) -> Twin:
    """The boy is taller than the girl / taller as the girl."""
    subject, other = draw.two(PEOPLE)
    degree, adverb = draw.pick(DEGREES), draw.maybe(ADVERBS)
    start, end = f"the {subject.one} is {adverb}", f"the {other.one}"
    return twin(
        f"{start}{degree.more} than {end}",
        f"{start}{degree.more} as {end}",
        f"{start}as {degree.plain} as {end}",
        f"{start}as {degree.plain} than {end}",
    )


def relative_pronoun(draw: Draw) -> Twin:
    """The girl found the boy who fell / the boy which fell."""
    subject, person = draw.two(PEOPLE)
    verb, within = draw.two(OF_ANYTHING)
    thing, other = draw.pick(THINGS), draw.pick(PEOPLE, but=(subject, person))
    start, end = f"the {subject.one} {verb} the", f"the {other.one} {within}"
    return twin(
        f"{start} {person.one} who {end}",
        f"{start} {person.one} which {end}",
        f"{start} {thing.one} which {end}",
        f"{start} {thing.one} who {end}",
    )


PHENOMENA = (
    Phenomenon("irregular_participle", "forms", irregular_participle),
    Phenomenon("auxiliary_form", "forms", auxiliary_form),
    Phenomenon("transitivity", "argument structure", transitivity),
    Phenomenon("verb_complement", "argument structure", verb_complement),
    Phenomenon("pronoun_case", "forms", pronoun_case),
    Phenomenon("comparison", "forms", comparison),
    Phenomenon("relative_pronoun", "agreement", relative_pronoun),
)
