"""How many bytes of UTF-8 a language takes to say what takes one byte in English. Facts; no code of others.

Source: Arnett, Chang and Bergen 2024, A Bit of a Problem: Measurement Disparities in Dataset Sizes Across Languages
(SIGUL), the coefficients that BabyBabelLM (arXiv 2510.10159) uses for its 45 languages. Arabic stands for Modern
Standard Arabic, Persian for Iranian Persian, Norwegian for Bokmål; Makasar is not in the published table and was
measured for BabyBabelLM with the authors' tool.
"""

# ISO 639-3 → name, the script that a code alone means, premium in that script.
LANGUAGES: dict[str, tuple[str, str, float]] = {
    "ace": ("Acehnese", "latn", 1.241957),
    "afr": ("Afrikaans", "latn", 1.037226),
    "ara": ("Arabic", "arab", 1.465018),
    "ban": ("Balinese", "latn", 1.269544),
    "bug": ("Buginese", "latn", 1.22786),
    "bul": ("Bulgarian", "cyrl", 1.812316),
    "ces": ("Czech", "latn", 1.035849),
    "cym": ("Welsh", "latn", 1.026557),
    "dan": ("Danish", "latn", 1.021066),
    "deu": ("German", "latn", 1.053648),
    "ell": ("Greek", "grek", 1.967262),
    "eng": ("English", "latn", 1.0),
    "est": ("Estonian", "latn", 0.967786),
    "eus": ("Basque", "latn", 1.059584),
    "fas": ("Persian", "arab", 1.597326),
    "fra": ("French", "latn", 1.173979),
    "heb": ("Hebrew", "hebr", 1.355477),
    "hrv": ("Croatian", "latn", 0.989673),
    "hun": ("Hungarian", "latn", 1.019955),
    "ind": ("Indonesian", "latn", 1.178746),
    "isl": ("Icelandic", "latn", 1.154319),
    "ita": ("Italian", "latn", 1.066887),
    "jav": ("Javanese", "latn", 1.146846),
    "jpn": ("Japanese", "jpan", 1.321974),
    "kor": ("Korean", "hang", 1.293311),
    "mak": ("Makasar", "latn", 1.250697),
    "min": ("Minangkabau", "latn", 0.949751),
    "nld": ("Dutch", "latn", 1.051606),
    "nor": ("Norwegian", "latn", 0.997619),
    "nso": ("Northern Sotho", "latn", 1.115696),
    "pol": ("Polish", "latn", 1.077373),
    "por": ("Portuguese", "latn", 1.097878),
    "ron": ("Romanian", "latn", 1.115121),
    "rus": ("Russian", "cyrl", 1.822744),
    "sot": ("Sesotho", "latn", 1.166012),
    "spa": ("Spanish", "latn", 1.083832),
    "srp": ("Serbian", "cyrl", 1.424879),
    "sun": ("Sundanese", "latn", 1.096981),
    "swe": ("Swedish", "latn", 1.020981),
    "tur": ("Turkish", "latn", 1.04449),
    "ukr": ("Ukrainian", "cyrl", 1.75137),
    "xho": ("isiXhosa", "latn", 1.198782),
    "yue": ("Cantonese", "hant", 0.862461),
    "zho": ("Chinese", "hans", 0.935966),
    "zul": ("isiZulu", "latn", 1.16384),
}
# The same languages in another script.
OTHER_SCRIPTS: dict[str, float] = {
    "ace_arab": 1.505402,
    "ara_latn": 1.155874,
    "min_arab": 1.737709,
    "srp_latn": 0.826258,
    "zho_hant": 0.989383,
}


def byte_premium(language: str) -> float | None:
    """The premium of `nld` or, with its script, `zho_hans`; None where the table has none."""
    code, _, script = language.partition("_")
    known = LANGUAGES.get(code)
    if known is not None and script in ("", known[1]):
        return known[2]
    return OTHER_SCRIPTS.get(language)


def english_bytes(size: int, language: str) -> float | None:
    """The bytes of English that `size` bytes of the language are worth: size / premium."""
    premium = byte_premium(language)
    return None if premium is None else size / premium
