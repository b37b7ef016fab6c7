"""Dependencies at a distance: gaps, islands, licensing, ellipsis, scope."""

from evaluators.grammar.lexicon import (
    ADJECTIVES,
    ADVERBS,
    ALONE,
    HANDLING,
    KNOWING,
    NEAR,
    PEOPLE,
    SOCIAL,
    THINGS,
    VOWELS,
    Noun,
)
from evaluators.grammar.twins import Draw, Phenomenon, Twin, said, twin

COUNTS = ("two", "three", "four", "several", "many")


def _consonant(nouns: tuple[Noun, ...]) -> tuple[Noun, ...]:
    """The nouns that follow `a`, not `an`."""
    return tuple(noun for noun in nouns if noun.one[0] not in VOWELS)


def filler_gap(draw: Draw) -> Twin:
    """The girl knew that the boy bought the cup / knew what the boy bought the cup."""
    subject, other = draw.two(PEOPLE)
    knew = draw.pick(KNOWING)
    what, verbs, objects = draw.pick((("what", HANDLING, THINGS), ("who", SOCIAL, PEOPLE)))
    verb, item = draw.pick(verbs).past, draw.pick(objects, but=(subject, other))
    start, clause, end = f"the {subject.one} {knew}", f"the {other.one} {verb}", f"the {item.one}"
    return twin(
        f"{start} that {clause} {end}", f"{start} {what} {clause} {end}", f"{start} {what} {clause}",
        f"{start} that {clause}",
    )  # fmt: skip


def adjunct_island(draw: Draw) -> Twin:
    """What did the boy buy before using the cup? / What did the boy buy the cup before using?"""
    subject, auxiliary = draw.pick(PEOPLE), draw.pick(("did", "will", "should", "could"))
    verb, within = draw.two(HANDLING)
    while_, item = draw.pick(("before", "after", "while", "without")), draw.pick(THINGS)
    start = f"what {auxiliary} the {subject.one}"
    return twin(
        f"{start} {verb.base} {while_} {within.gerund} the {item.one}",
        f"{start} {verb.base} the {item.one} {while_} {within.gerund}",
        f"{start} {within.base} {while_} {verb.gerund} the {item.one}",
        f"{start} {within.base} the {item.one} {while_} {verb.gerund}",
        end="?",
    )


def polarity_item(draw: Draw) -> Twin:
    """No boy that the girl praised has ever smiled / The boy that no girl praised has ever smiled."""
    subject, other = draw.two(PEOPLE)
    within, verb = draw.pick(SOCIAL).past, draw.pick(ALONE).participle
    end = f"{within} has ever {verb}"
    return twin(
        f"no {subject.one} that the {other.one} {end}",
        f"the {subject.one} that no {other.one} {end}",
        f"no {other.one} that the {subject.one} {end}",
        f"the {other.one} that no {subject.one} {end}",
    )


def _teach_polarity_item(draw: Draw) -> str:
    """`no` above allows `ever`; `no` within the clause stands with other adverbs."""
    subject, other = draw.two(PEOPLE)
    within, verb = draw.pick(SOCIAL).past, draw.pick(ALONE).participle
    head, inner, adverb = draw.pick((("no", "the", "ever"), ("the", "no", draw.pick(ADVERBS))))
    return said(f"{head} {subject.one} that {inner} {other.one} {within} has {adverb} {verb}")


def verb_ellipsis(draw: Draw) -> Twin:
    """The boy has slept and the girl has too / and the girl did too."""
    subject, other = draw.two(PEOPLE)
    verb, adverb = draw.pick(ALONE), draw.maybe(ADVERBS)
    has = f"the {subject.one} has {adverb}{verb.participle} and the {other.one}"
    did = f"the {subject.one} {adverb}{verb.past} and the {other.one}"
    return twin(f"{has} has too", f"{has} did too", f"{did} did too", f"{did} has too")


def noun_ellipsis(draw: Draw) -> Twin:
    """The boy bought one old cup and the girl bought two / one cup and the girl bought two old."""
    subject, other = draw.two(PEOPLE)
    verb, adjective, thing, count = (
        draw.pick(HANDLING).past,
        draw.pick(ADJECTIVES),
        draw.pick(THINGS),
        draw.pick(COUNTS),
    )

    def pair(first: Noun, second: Noun) -> tuple[str, str]:
        start, middle = f"the {first.one} {verb} one", f"{thing.one} and the {second.one} {verb} {count}"
        return f"{start} {adjective} {middle}", f"{start} {middle} {adjective}"

    return twin(*pair(subject, other), *pair(other, subject))


def existential(draw: Draw) -> Twin:
    """There was a boy near every lamp / There was every boy near a lamp."""
    person, thing, other = draw.pick(_consonant(PEOPLE)), draw.pick(_consonant(THINGS)), draw.pick(_consonant(THINGS))
    every, near, tense = draw.pick(("every", "each")), draw.pick(NEAR), draw.pick(("was", "is"))
    start = f"there {tense}"
    return twin(
        f"{start} a {person.one} {near} {every} {thing.one}",
        f"{start} {every} {person.one} {near} a {thing.one}",
        f"{start} a {other.one} {near} {every} {person.one}",
        f"{start} {every} {other.one} {near} a {person.one}",
    )


PHENOMENA = (
    Phenomenon("filler_gap", "gaps", filler_gap),
    Phenomenon("adjunct_island", "gaps", adjunct_island),
    Phenomenon("polarity_item", "scope", polarity_item, _teach_polarity_item),
    Phenomenon("existential", "scope", existential),
    Phenomenon("verb_ellipsis", "ellipsis", verb_ellipsis),
    Phenomenon("noun_ellipsis", "ellipsis", noun_ellipsis),
)
