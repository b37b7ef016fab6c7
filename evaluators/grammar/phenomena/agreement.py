"""Agreement: between determiner and noun, subject and verb, pronoun and what it stands for."""

from evaluators.grammar.lexicon import (
    ADJECTIVES,
    ADVERBS,
    ALONE,
    GENDERED,
    MASS,
    MEN,
    NEAR,
    OTHERS,
    PEOPLE,
    SOCIAL,
    THINGS,
    WOMEN,
    Noun,
)
from evaluators.grammar.twins import Draw, Phenomenon, Twin, said, twin

DETERMINERS = (("this", "these"), ("that", "those"))


def determiner_noun(draw: Draw) -> Twin:
    """The girl praised this boy / these boy."""
    one, many = draw.pick(DETERMINERS)
    subject, verb = draw.pick(PEOPLE), draw.pick(SOCIAL)
    thing = draw.pick((*THINGS, *OTHERS), but=(subject,))
    start = f"the {subject.one} {verb.past}"
    return twin(
        f"{start} {one} {thing.one}",
        f"{start} {many} {thing.one}",
        f"{start} {many} {thing.many}",
        f"{start} {one} {thing.many}",
    )


def determiner_adjective_noun(draw: Draw) -> Twin:
    """The girl praised this old lamp / these old lamp."""
    one, many = draw.pick(DETERMINERS)
    subject, verb = draw.pick(PEOPLE), draw.pick(SOCIAL)
    thing = draw.pick((*THINGS, *OTHERS), but=(subject,))
    start, adjective = f"the {subject.one} {verb.past}", draw.pick(ADJECTIVES)
    return twin(
        f"{start} {one} {adjective} {thing.one}",
        f"{start} {many} {adjective} {thing.one}",
        f"{start} {many} {adjective} {thing.many}",
        f"{start} {one} {adjective} {thing.many}",
    )


def subject_verb(draw: Draw) -> Twin:
    """The boy often praises the girl / often praise the girl."""
    subject, other = draw.two(PEOPLE)
    verb, adverb = draw.pick(SOCIAL), draw.maybe(ADVERBS)
    end = f"the {draw.number(other)}"
    return twin(
        f"the {subject.one} {adverb}{verb.third} {end}",
        f"the {subject.one} {adverb}{verb.base} {end}",
        f"the {subject.many} {adverb}{verb.base} {end}",
        f"the {subject.many} {adverb}{verb.third} {end}",
    )


def subject_verb_across_phrase(draw: Draw) -> Twin:
    """The boy near the girls smiles / smile."""
    subject, other = draw.two(PEOPLE)
    verb, near = draw.pick(ALONE), draw.pick(NEAR)
    one, many = f"the {subject.one} {near} the {other.many}", f"the {subject.many} {near} the {other.one}"
    return twin(f"{one} {verb.third}", f"{one} {verb.base}", f"{many} {verb.base}", f"{many} {verb.third}")


def _teach_across_phrase(draw: Draw) -> str:
    """As the twin, with a neighbour of either number."""
    subject, other = draw.two(PEOPLE)
    verb, near, form = draw.pick(ALONE), draw.pick(NEAR), draw.number(subject)
    agreeing = verb.third if form == subject.one else verb.base
    return said(f"the {form} {near} the {draw.number(other)} {agreeing}")


def subject_verb_across_clause(draw: Draw) -> Twin:
    """The boy that the girls admired smiles / smile."""
    subject, other = draw.two(PEOPLE)
    verb, within = draw.pick(ALONE), draw.pick(SOCIAL)
    one = f"the {subject.one} that the {other.many} {within.past}"
    many = f"the {subject.many} that the {other.one} {within.past}"
    return twin(f"{one} {verb.third}", f"{one} {verb.base}", f"{many} {verb.base}", f"{many} {verb.third}")


def _teach_across_clause(draw: Draw) -> str:
    """As the twin, with a neighbour of either number."""
    subject, other = draw.two(PEOPLE)
    verb, within, form = draw.pick(ALONE), draw.pick(SOCIAL), draw.number(subject)
    agreeing = verb.third if form == subject.one else verb.base
    return said(f"the {form} that the {draw.number(other)} {within.past} {agreeing}")


def _self(noun: Noun) -> str:
    """The reflexive pronoun of one person."""
    return "himself" if noun in MEN else "herself"


def anaphor_number(draw: Draw) -> Twin:
    """The boy clearly praised himself / themselves."""
    subject, verb, adverb = draw.pick(GENDERED), draw.pick(SOCIAL), draw.maybe(ADVERBS)
    one, many = f"the {subject.one} {adverb}{verb.past}", f"the {subject.many} {adverb}{verb.past}"
    return twin(
        f"{one} {_self(subject)}", f"{one} themselves", f"{many} themselves", f"{many} {_self(subject)}"
    )  # fmt: skip


def anaphor_gender(draw: Draw) -> Twin:
    """The king clearly praised himself / herself."""
    man, woman = draw.pick(MEN), draw.pick(WOMEN)
    rest = f"{draw.maybe(ADVERBS)}{draw.pick(SOCIAL).past}"
    return twin(
        f"the {man.one} {rest} himself",
        f"the {man.one} {rest} herself",
        f"the {woman.one} {rest} herself",
        f"the {woman.one} {rest} himself",
    )


def reflexive_antecedent(draw: Draw) -> Twin:
    """The brother of the queen praised himself / herself: a reflexive stands for the subject, not a noun within it."""
    man, woman = draw.pick(MEN), draw.pick(WOMEN)
    link, verb = draw.pick(("of", *NEAR)), draw.pick(SOCIAL).past
    his, hers = f"the {man.one} {link} the {woman.one} {verb}", f"the {woman.one} {link} the {man.one} {verb}"
    return twin(f"{his} himself", f"{his} herself", f"{hers} herself", f"{hers} himself")


def _teach_antecedent(draw: Draw) -> str:
    """As the twin, with a neighbour of either gender."""
    subject, other = draw.two(GENDERED)
    link, verb = draw.pick(("of", *NEAR)), draw.pick(SOCIAL).past
    return said(f"the {subject.one} {link} the {other.one} {verb} {_self(subject)}")


def quantifier_noun(draw: Draw) -> Twin:
    """The girl bought too much sand / too many sand."""
    subject, verb = draw.pick(PEOPLE), draw.pick(("found", "bought", "brought", "saw", "took", "stole"))
    thing, stuff, degree = draw.pick(THINGS), draw.pick(MASS), draw.pick(("too", "so"))
    start, adjective = f"the {subject.one} {verb} {degree}", draw.maybe(ADJECTIVES)
    return twin(
        f"{start} much {adjective}{stuff}",
        f"{start} many {adjective}{stuff}",
        f"{start} many {adjective}{thing.many}",
        f"{start} much {adjective}{thing.many}",
    )


PHENOMENA = (
    Phenomenon("determiner_noun", "agreement", determiner_noun),
    Phenomenon("determiner_adjective_noun", "agreement", determiner_adjective_noun),
    Phenomenon("subject_verb", "agreement", subject_verb),
    Phenomenon("subject_verb_across_phrase", "agreement", subject_verb_across_phrase, _teach_across_phrase),
    Phenomenon("subject_verb_across_clause", "agreement", subject_verb_across_clause, _teach_across_clause),
    Phenomenon("anaphor_number", "anaphora", anaphor_number),
    Phenomenon("anaphor_gender", "anaphora", anaphor_gender),
    Phenomenon("reflexive_antecedent", "anaphora", reflexive_antecedent, _teach_antecedent),
    Phenomenon("quantifier_noun", "agreement", quantifier_noun),
)
