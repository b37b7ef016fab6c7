"""Why an archive is refused: the closed list of codes, each with what to do about it."""

MOST = 50  # problems said at once

REMEDIES = {
    "E-ARC-FORMAT": "Pack the files as a .zip, .tar or .tar.gz and upload that.",
    "E-ARC-EMPTY": "Pack the files of your submission and upload the archive again.",
    "E-ARC-SIZE": "Leave out what the submission does not need: optimizer states, logs, other checkpoints.",
    "E-ARC-UNPACKED": "Leave out what the submission does not need: optimizer states, logs, other checkpoints.",
    "E-ARC-ENTRIES": "Leave out what the submission does not need, or join small files.",
    "E-ARC-RATIO": "Upload plain files: no file may unpack to more than 100 times its packed size.",
    "E-ARC-PATH": "Pack from inside the folder, with relative names and forward slashes: zip -r submission.zip .",
    "E-ARC-NAME": "Rename the file: letters, digits, dots, dashes and underscores are always fine.",
    "E-ARC-DUPLICATE": "Keep one of the two; names must differ by more than upper and lower case or accents' form.",
    "E-ARC-LINK": "Replace the link by the file itself: zip -r does so, for tar use --dereference.",
    "E-ARC-SPECIAL": "Leave it out: only plain files and folders are taken.",
    "E-ARC-ENCRYPTED": "Pack it again without a password.",
    "E-ARC-METHOD": "Pack it again with the usual method (deflate) or without compression.",
    "E-ARC-OVERLAP": "Pack the files again with a usual program; entries must not share bytes.",
    "E-ARC-DAMAGED": "Pack and upload it again; the archive is broken off or changed on its way.",
    "E-ARC-PICKLE": "Save the weights as safetensors (save_pretrained does) and leave pickled files out.",
    "E-ARC-SAFETENSORS": "Save the weights again with the safetensors library (save_pretrained does).",
    "E-ARC-AUTOMAP": "Use a model type that transformers knows, or enter a track that takes code.",
    "E-ARC-URL": "Put the files themselves into the archive; nothing is fetched at run time.",
    "E-ARC-JSON": "Write the file again as plain JSON in UTF-8, at most 1 MB.",
    "E-ARC-TEXT": "Write the file again as plain text in UTF-8, at most 1 MB.",
    "E-ARC-COSTLY": "Pack it again with fewer and plainer files; checking it took more than a check may take.",
}


class Refused(Exception):
    """The archive can't be read any further."""

    def __init__(self, code: str, message: str, file: str = "") -> None:
        self.code = code
        self.file = file
        super().__init__(message)


class Problems:
    """The problems found so far; the first fifty are kept."""

    def __init__(self) -> None:
        self.found: list[dict[str, str]] = []

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, code: str, message: str, file: str = "") -> None:
        """Note a problem."""
        if len(self.found) < MOST:
            shown = "".join(c if c.isprintable() else "?" for c in file)[:200]
            self.found.append({"code": code, "message": message, "file": shown, "remedy": REMEDIES[code]})
