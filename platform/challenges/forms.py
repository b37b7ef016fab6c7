"""Forms of the admin. What challenge.yaml would refuse, they refuse too, on the field in question."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from challenges import selectors
from challenges.models import Challenge, Role, Track
from challenges.question_builder import QuestionRows, QuestionsWidget
from challenges.questions import REMEDY, refused_changes
from evaluators.protocol.challenge import ChallengeDocument, TrackDocument
from evaluators.protocol.documents import dump_yaml, parse_yaml
from evaluators.protocol.problems import ProblemsFound
from evaluators.protocol.ranking import ladder_value
from evaluators.protocol.values import DURATION_UNITS, SIZE_UNITS, read_duration, read_size, unscaled

KINDS = [("model", "Model: a Hugging Face folder"), ("code", "Code: a Python class"), ("predictions", "Predictions")]
BACKENDS = [
    ("causal", "Causal"),
    ("masked", "Masked"),
    ("mntp", "Masked next-token prediction"),
    ("encoder-decoder", "Encoder-decoder"),
    ("vision", "Causal, with images"),
    ("dual-encoder", "Dual encoder"),
]


class UnitField(forms.CharField):
    """A whole number with a unit, `8g` or `90m`, kept as plain bytes or seconds."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, *, units: dict[str, int], read: Any, **kwargs: Any) -> None:
        self._units, self._read = units, read
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show the shortest exact form."""
        return unscaled(value, self._units) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        """Read it back to a plain number."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            return int(self._read(text))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


def _size(label: str, help_text: str) -> UnitField:
    return UnitField(units=SIZE_UNITS, read=read_size, label=label, help_text=help_text)


class ChallengeForm(forms.ModelForm):  # type: ignore[type-arg]
    """A challenge, checked as the head of a challenge document."""

    class Meta:
        model = Challenge
        fields = ["key", "title", "summary", "description", "timezone", "published"]
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 20})}

    def clean(self) -> dict[str, Any]:
        """Refuse what challenge.yaml would refuse, on the field in question."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                ChallengeDocument.from_value({"schema": "challenge/1", **cleaned}, file="")
            except ProblemsFound as error:
                for problem in error.problems:
                    self.add_error(problem.field if problem.field in self.fields else None, problem.message)
        return cleaned


class YamlField(forms.CharField):
    """A part of a challenge document, edited as it stands in challenge.yaml; `empty` is what an empty box means."""

    def __init__(self, *, empty: Any, rows: int = 6, **kwargs: Any) -> None:
        self._empty = empty
        widget = UnfoldAdminTextareaWidget(attrs={"rows": rows, "spellcheck": "false"})
        super().__init__(required=False, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """Show plain values as YAML; what was typed stays as it was typed."""
        if isinstance(value, str):
            return value
        return dump_yaml(value) if value else ""

    def to_python(self, value: Any) -> Any:
        """Read it back to plain values."""
        try:
            read, _lines = parse_yaml(str(super().to_python(value)), file="")
        except ProblemsFound as error:
            raise forms.ValidationError([str(problem) for problem in error.problems]) from error
        return self._empty if read is None else read

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether it says something else, not whether it is written otherwise."""
        try:
            return bool(self.to_python(data) != initial)
        except forms.ValidationError:
            return True


class QuestionsField(YamlField):
    """A track's questions: the rows of the admin, or YAML as it stands in challenge.yaml."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("required", None)
        super().__init__(empty=[], **kwargs)
        self.widget = QuestionsWidget()

    def prepare_value(self, value: Any) -> Any:
        """Rows as they were sent, the list of a track, or what YAML says."""
        if not isinstance(value, str):
            return value
        try:
            read = self.to_python(value)
        except forms.ValidationError:
            return []
        return read if isinstance(read, list) else []

    def to_python(self, value: Any) -> Any:
        """Plain values; each fault is told with its row and field."""
        if not isinstance(value, QuestionRows):
            return super().to_python(value)
        if not value.is_valid():
            raise forms.ValidationError(value.faults())
        return [row.cleaned_data["question"].to_value() for row in value.rows()]


class TrackForm(forms.ModelForm):  # type: ignore[type-arg]
    """A track, checked as a part of a challenge document."""

    kinds = forms.MultipleChoiceField(choices=KINDS, widget=UnfoldAdminCheckboxSelectMultipleWidget)
    backends = forms.MultipleChoiceField(
        choices=BACKENDS, widget=UnfoldAdminCheckboxSelectMultipleWidget, required=False
    )
    memory = _size("Memory", "Of a run, such as 4g. It bounds page cache and /tmp too.")
    disk = _size("Written bytes", "What a run may write, such as 256m.")
    max_bytes = _size("Largest file", "Of a hand-in, such as 2g.")
    wall = UnitField(units=DURATION_UNITS, read=read_duration, label="Wall time", help_text="Of a run, such as 90m.")
    budget = YamlField(
        empty={},
        help_text="YAML: words, words_seen, epochs, bytes, byte_premium (a number, or table), tolerance, teachers. "
        "Such as: words: 10000000",
    )
    checkpoints = YamlField(
        empty={}, help_text="YAML: names, or schedule (babylm-strict, babylm-strict-small), and required. Empty: the "
        "track scores one model.",
    )  # fmt: skip
    questions = QuestionsField(
        required=False,
        help_text="What teams are asked about their methods, at the hand-in or until the time above. Once somebody has "
        "answered, a question keeps its type and the options that were chosen.",
    )
    aggregate = YamlField(
        empty={}, help_text="YAML: method (macro: the mean over the phase's suites; the others stand in the "
        "documentation), floor of the geometric mean, weights and scales by the key of a suite or part, parts (key, "
        "title, members, of), note. Such as: weights: {owls: 2}. Empty: every suite weighs 1.",
    )  # fmt: skip

    class Meta:
        model = Track
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets say which
        widgets = {
            "image": UnfoldAdminTextInputWidget,
            "ladder": UnfoldAdminTextInputWidget,
            "description": UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        }
        labels = {
            "image": "Runner image",
            "cpus": "CPUs",
            "gpus": "GPUs",
            "pids": "Processes",
            "counts": "What counts of a team's entries",
            "missing": "Where a score is missing",
            "least_provenance": "Least provenance that is ranked",
            "ties": "Who shares a rank",
            "alpha": "Error level of intervals and ties",
            "round_digits": "Digits shown",
            "convert_weights": "Older weights",
            "remote_code": "Code of the model's own",
            "rehearsals_hour": "Rehearsals an hour",
            "rehearsal_items": "Items of each suite",
        }

    # Where a fault of the document belongs on the form.
    PLACES = {
        "max_size": "max_bytes",
        "ranking.round": "round_digits",
        "weights.convert": "convert_weights",
        "weights.remote_code": "remote_code",
        "rehearsal.hour": "rehearsals_hour",
        "rehearsal.items": "rehearsal_items",
    }

    def clean_image(self) -> str:
        """Refuse another image than the one that the track was frozen to, once somebody has entered."""
        image = str(self.cleaned_data["image"])
        if sentence := selectors.frozen_against(self.instance, image):
            raise forms.ValidationError(sentence)
        if not selectors.keeps_image(self.instance, image):
            self.instance.image_id, self.instance.image_versions = "", {}
        return image

    def clean(self) -> dict[str, Any]:
        """Refuse what challenge.yaml would refuse, on the field in question."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        sandbox = ("image", "cpus", "memory", "pids", "gpus", "wall", "disk", "hardware")
        value = {
            "key": cleaned["key"],
            "title": cleaned["title"],
            "description": cleaned["description"],
            "kinds": cleaned["kinds"],
            "backends": cleaned["backends"],
            "budget": cleaned["budget"],
            "max_size": cleaned["max_bytes"],
            "sandbox": {name: cleaned[name] for name in sandbox},
            "checkpoints": cleaned["checkpoints"] or None,
            "questions": cleaned["questions"],
            "metadata_until": cleaned["metadata_until"],
            "ranking": {
                "counts": cleaned["counts"],
                "aggregate": cleaned["aggregate"],
                "missing": cleaned["missing"],
                "least_provenance": cleaned["least_provenance"],
                "ties": cleaned["ties"],
                "alpha": cleaned["alpha"],
                "round": cleaned["round_digits"],
                "ladder": ladder_value(cleaned["ladder"]),
            },
            "weights": {"convert": cleaned["convert_weights"], "remote_code": cleaned["remote_code"]},
            "rehearsal": {"hour": cleaned["rehearsals_hour"], "items": cleaned["rehearsal_items"]},
        }
        try:
            document = TrackDocument.from_value(value, file="")
        except ProblemsFound as error:
            for problem in error.problems:
                self.add_error(self._field(problem.field), f"{problem.field}: {problem.message}")
            return cleaned
        for one in refused_changes(self.instance, document.questions):
            place = f"Question {one.position + 1} ({document.questions[one.position].key}), {one.field}"
            self.add_error("questions", f"{place}: {one.message}. {REMEDY}")
        # Kept in the form in which `apply` keeps them.
        return {
            **cleaned,
            "budget": document.budget.to_value(),
            "checkpoints": document.checkpoints.to_value() if document.checkpoints else {},
            "questions": [question.to_value() for question in document.questions],
            "aggregate": document.ranking.aggregate.to_value(),
        }

    def _field(self, place: str) -> str | None:
        """The form's field for a place in the document."""
        if place in self.PLACES:
            return self.PLACES[place]
        parts = place.replace("[", ".").split(".")
        return next((part for part in parts if part in self.fields), None)


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A role, given by e-mail address, so that nobody has to see the list of all users."""

    email = forms.EmailField(widget=UnfoldAdminEmailInputWidget, help_text="Of somebody who has an account.")

    class Meta:
        model = Role
        fields = ["kind"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["email"].initial = self.instance.user.email

    def clean_email(self) -> str:
        """The address must belong to a user."""
        email = str(self.cleaned_data["email"]).lower()
        user = User.objects.filter(email=email, is_active=True).first()
        if user is None:
            raise forms.ValidationError(f"Nobody has an account with {email}. Ask them to sign up first.")
        self.instance.user = user
        return email
