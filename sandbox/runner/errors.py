"""The ways a run can fail, each with a code of a closed list and a fixed sentence."""

EXIT_FAILED = 3

SENTENCES = {
    "E-RUN-JOB": "The job or a request could not be read; this is the platform's fault.",
    "E-RUN-CODE": "The submission's code could not be loaded or did not answer as the interface asks.",
    "E-RUN-FOLDER": "The folder is not a Hugging Face model folder: config.json or *.safetensors is missing.",
    "E-RUN-MODEL": "The model could not be loaded from its folder.",
    "E-RUN-WEIGHTS": "The weights do not fit the architecture that config.json names.",
    "E-RUN-TOKENIZER": "The tokenizer could not be loaded, or does not fit the model.",
    "E-RUN-BOS": "The declared first token is not a token of this tokenizer.",
    "E-RUN-TRAIN": "The model could not be fine-tuned: training failed, or did not end in finite numbers.",
    "E-RUN-ANSWER": "The model failed while it answered.",
    "E-RUN-VALUE": "An answer is not of the kind asked: finite, a log-probability at most 0, a surprisal at least 0.",
    "E-RUN-DISK": "The responses need more space than the track allows.",
}


class RunFailed(Exception):
    """A run ended for a reason of the closed list; `detail` may quote the submission and is for public data only."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.message = SENTENCES[code]
        self.detail = detail
        super().__init__(f"{code} {self.message} {detail}".rstrip())
