"""The words of the grammar, with every form that its rules ask for."""

from typing import NamedTuple

VOWELS = "aeiou"


class Noun(NamedTuple):
    """A count noun."""

    one: str
    many: str


class Verb(NamedTuple):
    """A verb's five forms."""

    base: str
    third: str
    past: str
    participle: str
    gerund: str


class Degree(NamedTuple):
    """An adjective that can be compared."""

    plain: str
    more: str


def _words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


def _noun(word: str) -> Noun:
    """A noun with its regular plural, or `one/many`."""
    one, _, many = word.partition("/")
    if not many:
        many = one + ("es" if one.endswith(("s", "x", "ch", "sh")) else "s")
    return Noun(one, many)


def _third(base: str) -> str:
    """The third person singular of a verb."""
    if base.endswith("y") and base[-2] not in VOWELS:
        return base[:-1] + "ies"
    return base + ("es" if base.endswith(("s", "x", "ch", "sh")) else "s")


def _gerund(base: str) -> str:
    """The -ing form of a verb that doubles no consonant."""
    silent = base.endswith("e") and not base.endswith("ee")
    return (base[:-1] if silent else base) + "ing"


def _regular(base: str) -> Verb:
    """A regular verb that doubles no consonant."""
    if base.endswith("y") and base[-2] not in VOWELS:
        past = base[:-1] + "ied"
    else:
        past = base + ("d" if base.endswith("e") else "ed")
    return Verb(base, _third(base), past, past, _gerund(base))


def _irregular(row: str) -> Verb:
    """A verb from its base, past and participle, and from its gerund where that is not regular."""
    base, past, participle, *gerund = row.split()
    return Verb(base, _third(base), past, participle, gerund[0] if gerund else _gerund(base))


MEN = tuple(map(_noun, _words("boy man/men king prince uncle brother father waiter monk grandfather nephew son")))
WOMEN = tuple(
    map(_noun, _words("girl woman/women queen princess aunt sister mother waitress nun grandmother niece daughter"))
)
GENDERED = (*MEN, *WOMEN)
OTHERS = tuple(
    map(
        _noun,
        _words(
            "doctor teacher pilot farmer painter driver lawyer singer nurse baker student gardener sailor dancer "
            "judge guest tailor plumber"
        ),
    )
)
PEOPLE = (*GENDERED, *OTHERS)
THINGS = tuple(
    map(
        _noun,
        _words(
            "cup book lamp chair table letter picture plate box basket knife/knives key coat map ladder bottle vase "
            "bell blanket drum candle mirror"
        ),
    )
)
MASS = _words("water sand rice milk smoke butter salt sugar flour honey mud dust gravel coffee")

ADJECTIVES = _words("old new heavy small blue red green cheap dusty large strange round wooden dirty")
DEGREES = tuple(
    Degree(plain, plain + ("r" if plain.endswith("e") else "er"))
    for plain in _words("tall old small young kind strong loud slow quick brave calm rich poor short")
)
ADVERBS = _words("often rarely always clearly usually probably certainly sometimes")
NEAR = ("near", "behind", "beside")

# Verbs that cannot do without an object, of which people make a good one.
SOCIAL = tuple(
    map(_regular, _words("praise admire greet thank blame avoid mention describe defend trust respect fear"))
)
# Verbs that cannot do without an object, of which things make a good one.
HANDLING = (
    *map(_regular, _words("repair carry use need lift mention describe locate obtain inspect")),
    *map(_irregular, ["buy bought bought", "find found found", "bring brought brought"]),
)
# Verbs that take no object.
ALONE = (
    *map(_regular, _words("smile sneeze arrive vanish yawn shiver faint snore tremble hesitate cough")),
    _irregular("sleep slept slept"),
)
# Verbs with an object whose past and participle differ.
BREAKING = tuple(
    map(
        _irregular,
        [
            "break broke broken",
            "steal stole stolen",
            "take took taken",
            "choose chose chosen",
            "hide hid hidden",
            "draw drew drawn",
            "wear wore worn",
            "tear tore torn",
            "throw threw thrown",
            "shake shook shaken",
            "forget forgot forgotten forgetting",
            "see saw seen",
        ],
    )
)
# Verbs whose clause may begin with `that` or with `what`.
KNOWING = _words("knew remembered noticed discovered revealed understood heard explained guessed")
# Verbs whose complement is `to sleep`, and those whose complement is `sleeping`.
WITH_TO = _words("wanted hoped decided refused agreed promised managed")
WITH_ING = _words("enjoyed avoided finished resisted imagined practiced")
