"""The hand-in form: it builds the same manifest that submission.yaml holds, and the same validator reads it."""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.conf import settings

from challenges.models import Phase, Track
from evaluators.protocol.challenge import Budget
from evaluators.protocol.problems import Problem, ProblemsFound
from evaluators.protocol.questions import Question
from evaluators.protocol.submission import MANIFEST_NAME, SubmissionManifest
from submissions.manifests import check_against_tracks, questions_of
from submissions.question_forms import question_field

KIND_LABELS = {
    "model": "Model: a Hugging Face folder (config.json, *.safetensors, tokenizer files)",
    "code": "Code: a Python class that answers requests",
    "predictions": "Predictions: a file of answers computed elsewhere",
}
BACKEND_LABELS = {
    "causal": "Causal (left to right)",
    "masked": "Masked (one mask per token)",
    "mntp": "Masked next-token prediction (GPT-BERT)",
    "encoder-decoder": "Encoder-decoder (T5, BART)",
    "vision": "Causal, with images (GIT, LLaVA)",
    "dual-encoder": "Dual encoder of texts and images (CLIP)",
}
SCORING_LABELS = {
    "prefix": "prefix: context to the encoder, continuation to the decoder",
    "fill-in": "fill-in: the continuation is a gap of the encoder's text",
    "babylm-prefix": "babylm-prefix: enc_dec_prefix of BabyLM 2025",
    "babylm-mask": "babylm-mask: enc_dec_mask of BabyLM 2025",
}
FORMAT_LABELS = [
    ("native", "native: JSON lines"),
    ("babylm-2023", "babylm-2023: JSON lines, one a subtask"),
    ("babylm-2024", "babylm-2024: one JSON object"),
    ("babylm-2025", "babylm-2025: one JSON object (2025 and 2026)"),
    ("babylm-2026-finetune", "babylm-2026-finetune: predictions.txt, or a tar of them"),
]
# Where a fault of the manifest belongs on the form.
PLACES = {
    "kind": "kind",
    "method.name": "name",
    "method.description": "description",
    "method.backbone": "backbone",
    "method.approaches": "approaches",
    "data.words_seen": "words_seen",
    "data.corpora": "corpora",
    "data.teachers": "teachers",
    "data.manifest": "corpora_list",
    "data.corpus": "corpora_folder",
    "phases": "phases",
    "model.backend": "backend",
    "model.bos": "bos",
    "model.scoring": "scoring",
    "model.path": "path",
    "model.source": "hub",
    "code.entry": "entry",
    "predictions.file": "predictions_file",
    "predictions.format": "predictions_format",
}


ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
MOST_DIGITS = 18  # of a number that every database takes


def _corpora(text: str) -> list[dict[str, Any]]:
    """`name, words; language=nld; bytes=…` a line; without a number, a corpus whose words were not counted."""
    corpora = []
    for whole in text.splitlines():
        line, *more = whole.split(";")
        name, comma, words = line.rpartition(",")
        words = words.strip().replace("_", "").replace(" ", "")
        if comma and words.isascii() and words.isdigit():
            corpora.append({"name": name, "words": int(words), **_facts(more)})
        elif line.strip():
            corpora.append({"name": line, **_facts(more)})
    return corpora


def _facts(parts: Sequence[str]) -> dict[str, Any]:
    """`language=nld` and the like; what a corpus does not have is the manifest's to refuse."""
    facts: dict[str, Any] = {}
    for part in parts:
        key, _, value = (piece.strip() for piece in part.partition("="))
        digits = value.replace("_", "").replace(" ", "")
        facts[key] = int(digits) if key == "bytes" and digits.isascii() and digits.isdigit() else value
    return {key: value for key, value in facts.items() if key}


class PhasesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Phases by their numbers; one that is too long for any database is refused like one that is not there."""

    def clean(self, value: Any) -> Any:
        """Look the phases up; raises ValidationError."""
        if any(len(str(number)) > MOST_DIGITS for number in value or ()):
            raise forms.ValidationError("Choose among the phases that are open.")
        return super().clean(value)


class SubmitForm(forms.Form):
    """One hand-in for one or more tracks; `upload` is the finished upload's id, `file` the way without JavaScript."""

    upload = forms.UUIDField(required=False, widget=forms.HiddenInput)
    file = forms.FileField(required=False, label="File")
    hub = forms.CharField(
        required=False, max_length=400, label="From a hub",
        widget=forms.TextInput(attrs={"placeholder": "hf://owner/repository@revision"}),
        help_text="In place of a file: a model that everybody can open. We fetch it, with its branches chck_… where "
        "the track takes checkpoints, and freeze it to the commits that they are now.",
    )  # fmt: skip
    phases = PhasesField(queryset=Phase.objects.none(), widget=forms.CheckboxSelectMultiple, label="Enter it in")
    source = forms.ChoiceField(
        choices=[("form", "I describe it here"), ("archive", f"My archive holds {MANIFEST_NAME}")],
        widget=forms.RadioSelect, initial="form", label="Manifest",
    )  # fmt: skip
    name = forms.CharField(
        max_length=120, required=False, label="Method name", help_text="As it stands on the leaderboard."
    )
    description = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False, label="What it is")
    backbone = forms.CharField(max_length=200, required=False, label="Backbone",
                               help_text="The architecture it builds on, such as GPT-2 or LTG-BERT.")  # fmt: skip
    approaches = forms.CharField(max_length=1000, required=False, label="Approaches",
                                 help_text="Separated by commas: curriculum, distillation.")  # fmt: skip
    corpora = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), max_length=10_000, required=False, label="Training corpora",
        help_text="One a line, its number of words after a comma: Child-directed speech, 4200000. After semicolons, "
        "where they apply: role=tokenizer (or ancillary, teacher), language=nld, bytes=23000000, sha256=…, license=…",
    )  # fmt: skip
    teachers = forms.CharField(max_length=2000, required=False, label="Teachers",
                               help_text="Models that this one learnt from, separated by commas.")  # fmt: skip
    corpora_list = forms.CharField(
        max_length=200, required=False, label="List of the corpus files",
        help_text="Its path in the archive: JSON lines of path, sha256, words and bytes. We compare the sums.",
    )  # fmt: skip
    corpora_folder = forms.CharField(
        max_length=200, required=False, label="Folder with the training text",
        help_text="In the archive, if you hand it in: we count it.",
    )  # fmt: skip
    words_seen = forms.IntegerField(min_value=0, required=False, label="Words seen in training",
                                    help_text="Passes included: a corpus read twice counts twice.")  # fmt: skip
    kind = forms.ChoiceField(required=False, label="Kind")
    backend = forms.ChoiceField(required=False, label="Backend")
    bos = forms.CharField(
        required=False, initial="tokenizer", max_length=60, label="First token",
        help_text="What a causal model is given first: tokenizer (its own), none, or a token such as <|endoftext|>. "
        "It moves scores by several points, so it is recorded and shown.",
    )  # fmt: skip
    scoring = forms.ChoiceField(
        required=False, initial="prefix", choices=list(SCORING_LABELS.items()), label="Scoring",
        help_text="For encoder-decoders: how a text is shared between the two parts. It is recorded and shown.",
    )  # fmt: skip
    path = forms.CharField(required=False, initial=".", max_length=200, label="Model folder in the archive")
    entry = forms.CharField(required=False, initial="model.py:Model", max_length=200, label="Entry",
                            help_text="file.py:ClassName, from the archive's top.")  # fmt: skip
    predictions_file = forms.CharField(required=False, max_length=200, label="Prediction file",
                                       help_text="Its path in the archive; empty for a bare file.")  # fmt: skip
    predictions_format = forms.ChoiceField(required=False, choices=FORMAT_LABELS, label="Prediction format")
    # The name of the uploaded file, set by the view before validation: a bare prediction file is called that.
    bare_name = "predictions.jsonl"

    def __init__(self, *args: Any, track: Track, phases: list[Phase], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.track = track
        self.open_phases = phases
        choice = self.fields["phases"]
        if isinstance(choice, forms.ModelMultipleChoiceField):
            choice.queryset = Phase.objects.filter(pk__in=[phase.pk for phase in phases]).select_related("track")
        self._choices("kind", [(kind, KIND_LABELS.get(kind, kind)) for kind in track.kinds])
        backends = track.backends or list(BACKEND_LABELS)
        self._choices("backend", [(backend, BACKEND_LABELS.get(backend, backend)) for backend in backends])
        self.questions: dict[str, Question] = {}
        # What the manifest's rules ask for, though the browser lets the form go without it.
        self.needed: set[str] = set()
        for asking in dict.fromkeys([track, *(phase.track for phase in phases)]):
            for question in questions_of(asking):
                if question.key not in self.questions:
                    self.questions[question.key] = question
                    asked_by = "" if asking == track else asking.title
                    self.fields[f"answer_{question.key}"] = question_field(question, asked_by)
                    if question.required is True:
                        self.needed.add(f"answer_{question.key}")
        if "approaches" in self.questions:
            # The track asks for them itself, from a list of its own.
            del self.fields["approaches"]
        self._budgets(Budget.model_validate(track.budget))
        if not settings.HUB_HOSTS or "model" not in track.kinds:
            del self.fields["hub"]

    def _budgets(self, budget: Budget) -> None:
        """Say what the track's budget bounds on the fields in which it is declared."""
        for name, most, what in (
            ("corpora", budget.words, "words"),
            ("words_seen", budget.words_seen, "words seen"),
            ("corpora", budget.bytes, "bytes"),
        ):
            if most is not None:
                self.needed.add(name)
                self.fields[name].help_text += f" The track's budget is {most:,} {what}."

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = choices

    def clean(self) -> dict[str, Any]:
        """Build the manifest where the form describes it; its faults land on the fields they belong to."""
        cleaned = super().clean() or {}
        phases = list(cleaned.get("phases") or [])
        if len({phase.track_id for phase in phases}) < len(phases):
            self.add_error("phases", "Choose one phase of each track.")
        cleaned["manifest"] = None
        hub = cleaned.get("hub")
        if hub and (cleaned.get("source") != "form" or cleaned.get("kind") != "model"):
            self.add_error("hub", "What comes from a hub is of the kind model, and described here on the form.")
            return cleaned
        if cleaned.get("source") != "form":
            return cleaned
        tracks = list(dict.fromkeys(phase.track for phase in phases)) or [self.track]
        nameless = cleaned.get("kind") == "predictions" and not cleaned.get("predictions_file")
        if nameless and self.bare_name.lower().endswith(ARCHIVES):
            self.add_error("predictions_file", "Say which file of the archive holds the predictions.")
            return cleaned
        try:
            manifest = SubmissionManifest.from_value(self._value(cleaned, tracks), file="")
        except ProblemsFound as error:
            self.report(error.problems)
            return cleaned
        cleaned["manifest"] = manifest
        self.report(check_against_tracks(manifest, tracks))
        return cleaned

    def report(self, problems: Iterable[Problem]) -> None:
        """Show each problem on the field it belongs to, or above the form."""
        for problem in problems:
            if problem.field == "method.name" and not self.cleaned_data.get("name"):
                self.add_error("name", "Name the method: the leaderboard shows it.")
                continue
            sentence = f"{problem.message[:1].upper()}{problem.message[1:]}. {problem.remedy}".strip()
            self.add_error(self._place(problem), sentence)

    def _place(self, problem: Problem) -> str | None:
        if problem.field.startswith("answers."):
            name = f"answer_{problem.field.removeprefix('answers.')}"
        else:
            name = PLACES.get(problem.field.partition("[")[0], "")
        return name if name in self.fields else None

    def _value(self, cleaned: dict[str, Any], tracks: Sequence[Track]) -> dict[str, Any]:
        kind = cleaned.get("kind")
        chosen = cleaned.get("answer_approaches")
        approaches = (
            list(chosen)
            if isinstance(chosen, list)
            else [part.strip() for part in (cleaned.get("approaches") or "").split(",")]
        )
        value: dict[str, Any] = {
            "schema": "submission/1",
            "kind": kind,
            "method": {
                "name": cleaned.get("name") or "",
                "description": cleaned.get("description") or "",
                "backbone": cleaned.get("backbone") or "",
                "approaches": [part for part in approaches if part],
            },
        }
        teachers = [name.strip() for name in (cleaned.get("teachers") or "").split(",")]
        data = {
            "words_seen": cleaned.get("words_seen"),
            "corpora": _corpora(cleaned.get("corpora") or ""),
            "teachers": [name for name in teachers if name],
            "manifest": cleaned.get("corpora_list") or None,
            "corpus": cleaned.get("corpora_folder") or None,
        }
        if any(part not in (None, []) for part in data.values()):
            value["data"] = data
        if kind == "model":
            value["model"] = {
                "path": cleaned.get("path") or ".",
                "backend": cleaned.get("backend"),
                "bos": cleaned.get("bos") or "tokenizer",
            }
            if cleaned.get("hub"):
                value["model"] |= {"source": cleaned["hub"], "path": "."}
            if cleaned.get("backend") == "encoder-decoder":
                value["model"]["scoring"] = cleaned.get("scoring") or "prefix"
        elif kind == "code":
            value["code"] = {"entry": cleaned.get("entry") or ""}
        elif kind == "predictions":
            value["predictions"] = {
                "file": cleaned.get("predictions_file") or self.bare_name,
                "format": cleaned.get("predictions_format") or "native",
            }
        asked = [question.key for track in tracks for question in questions_of(track)]
        answers = {key: cleaned.get(f"answer_{key}") for key in asked}
        answers = {key: answer for key, answer in answers.items() if answer not in (None, "", [])}
        if answers:
            value["answers"] = answers
        return value


class MergeForm(forms.Form):
    """The team that is asked to take another one in."""

    name = forms.CharField(max_length=80, label="Team to join", help_text="Its name as it stands on leaderboards.")

    def report(self, problems: Iterable[Problem]) -> None:
        """Show every reason against it."""
        for problem in problems:
            sentence = f"{problem.message[:1].upper()}{problem.message[1:]}. {problem.remedy}".strip()
            self.add_error("name", f"{problem.code}: {sentence}")
