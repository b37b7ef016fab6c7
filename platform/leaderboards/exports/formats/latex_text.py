"""Any text as LaTeX that pdfLaTeX sets in any font encoding, and that is never a command.

Letters with accents become the letter and LaTeX's accent. What pdfLaTeX has no letter for is written as its code point.
"""

import unicodedata

# Brackets and the asterisk: after the end of a row they would be read as its option.
ASCII = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\char34{}", "`": r"\char96{}", "'": r"\char39{}", "[": "{[}", "]": "{]}",
    "*": "{*}", "-": "-{}",
}  # fmt: skip
LETTERS = {
    "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}",
    "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "ȷ": r"\j{}", "–": "--", "—": "---", "‘": "`", "’": "'", "“": "``",
    "”": "''", "…": r"\ldots{}", "¿": "?`", "¡": "!`", "\u00a0": "~", "−": "$-$", "×": r"$\times$", "±": r"$\pm$",
    "÷": r"$\div$", "·": r"$\cdot$", "≤": r"$\leq$", "≥": r"$\geq$", "≠": r"$\neq$", "≈": r"$\approx$",
    "∞": r"$\infty$", "→": r"$\rightarrow$", "←": r"$\leftarrow$", "°": r"$^{\circ}$", "µ": r"$\mu$",
    "²": "$^{2}$", "³": "$^{3}$", "¹": "$^{1}$", "§": r"\S{}", "¶": r"\P{}", "†": r"\dag{}", "‡": r"\ddag{}",
    "©": r"\copyright{}", "£": r"\pounds{}", "€": "EUR",
}  # fmt: skip
ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c", "\u0323": "d", "\u0331": "b",
}  # fmt: skip
# The letters of Greek that LaTeX has commands for; its capitals that look Latin have none.
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "ς": "varsigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma",
    "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon", "Φ": "Phi",
    "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
LATIN = dict(zip("οΑΒΕΖΗΙΚΜΝΟΡΤΧ", "oABEZHIKMNOPTX", strict=True))


def latex(text: str) -> str:
    """The text, escaped."""
    return "".join(map(_one, unicodedata.normalize("NFC", text)))


def _one(character: str) -> str:
    if character.isascii():
        return ASCII.get(character, character)
    if character in LETTERS:
        return LETTERS[character]
    return _accented(character) or _greek(character) or _plain(character)


def _accented(character: str) -> str:
    base, *marks = list(unicodedata.normalize("NFD", character))
    if not (marks and base.isascii() and base.isalpha() and all(mark in ACCENTS for mark in marks)):
        return ""
    # An accent stands over the letter without its dot, and below it over the letter as it is.
    made = {"i": r"\i ", "j": r"\j "}.get(base, base) if ACCENTS[marks[0]] not in "cdb" else base
    for mark in marks:
        made = f"\\{ACCENTS[mark]}{{{made}}}"
    return made


def _greek(character: str) -> str:
    """The letter without its accents, which LaTeX's mathematics has none of."""
    base = unicodedata.normalize("NFD", character)[0]
    return f"$\\{GREEK[base]}$" if base in GREEK else LATIN.get(base, "")


def _plain(character: str) -> str:
    """The letters that it is made of, where they are plain ones; else its code point."""
    made = "".join(one for one in unicodedata.normalize("NFKD", character) if not unicodedata.combining(one))
    if made and made.isascii():
        return "".join(ASCII.get(one, one) for one in made)
    return f"{{[}}U+{ord(character):04X}{{]}}"
