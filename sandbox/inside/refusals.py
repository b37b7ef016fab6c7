"""Why an archive, or the weights in it, are refused: the closed list of codes, each with what to do about it."""

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
    "E-ARC-LINK": "Replace the link by the file itself: zip -r does so, for tar use --dereference --hard-dereference.",
    "E-ARC-SPECIAL": "Leave it out: only plain files and folders are taken.",
    "E-ARC-ENCRYPTED": "Pack it again without a password.",
    "E-ARC-METHOD": "Pack it again with the usual method (deflate) or without compression.",
    "E-ARC-OVERLAP": "Pack the files again with a usual program; entries must not share bytes.",
    "E-ARC-DAMAGED": "Pack and upload it again; the archive is broken off or changed on its way.",
    "E-ARC-PICKLE": "Save the weights as safetensors (save_pretrained does) and leave pickled files out.",
    "E-ARC-SAFETENSORS": "Save the weights again with the safetensors library (save_pretrained does).",
    "E-ARC-AUTOMAP": "Use a model type that transformers knows, or enter a track that takes code.",
    "E-ARC-MODULE": "Put the .py file beside the configuration and name it module.Class, with no repository before it.",
    "E-ARC-URL": "Put the files themselves into the archive; nothing is fetched at run time.",
    "E-ARC-JSON": "Write the file again as plain JSON in UTF-8: configurations at most 1 MB, vocabularies 64 MB.",
    "E-ARC-TEXT": "Write the file again as plain text in UTF-8, at most 1 MB.",
    "E-ARC-COSTLY": "Pack it again with fewer and plainer files; checking it took more than a check may take.",
    "E-WEIGHTS-UNSAFE": "Save the weights as safetensors (save_pretrained does); only plain tensors are read.",
    "E-WEIGHTS-DAMAGED": "Load the file at home with torch.load(weights_only=True), save it again and upload that.",
    "E-WEIGHTS-FORM": "Save model.state_dict() alone, with plain tensors by name, or use save_pretrained.",
    "E-WEIGHTS-MANY": "Keep one file of weights beside config.json, or the shards and the index that name each other.",
    "E-WEIGHTS-INDEX": "Upload every shard that the index names, or save the weights again with save_pretrained.",
    "E-WEIGHTS-SIZE": "Save the weights as safetensors; what they hold is much larger than their file.",
    "E-WEIGHTS-COSTLY": "Save the weights as safetensors, or in smaller shards; converting them took too much.",
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
