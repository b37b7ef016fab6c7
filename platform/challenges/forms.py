"""Forms of the admin. What challenge.yaml would refuse, they refuse too, on the field in question."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.models import User
from challenges.models import Challenge, Role, Track
from evaluators.protocol.challenge import (
    DURATION_UNITS,
    SIZE_UNITS,
    ChallengeDocument,
    TrackDocument,
    read_duration,
    read_size,
    unscaled,
)
from evaluators.protocol.problems import ProblemsFound

KINDS = [("model", "Model: a Hugging Face folder"), ("code", "Code: a Python class"), ("predictions", "Predictions")]
BACKENDS = [("causal", "Causal"), ("masked", "Masked")]


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


class TrackForm(forms.ModelForm):  # type: ignore[type-arg]
    """A track, checked as a part of a challenge document."""

    kinds = forms.MultipleChoiceField(choices=KINDS, widget=forms.CheckboxSelectMultiple)
    backends = forms.MultipleChoiceField(choices=BACKENDS, widget=forms.CheckboxSelectMultiple, required=False)
    memory = _size("Memory", "Of a run, such as 4g. It bounds page cache and /tmp too.")
    disk = _size("Written bytes", "What a run may write, such as 256m.")
    max_bytes = _size("Largest file", "Of a hand-in, such as 2g.")
    wall = UnitField(units=DURATION_UNITS, read=read_duration, label="Wall time", help_text="Of a run, such as 90m.")

    class Meta:
        model = Track
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets say which
        widgets = {
            "image": UnfoldAdminTextInputWidget,
            "questions": UnfoldAdminTextareaWidget,
            "budget": UnfoldAdminTextareaWidget,
            "aggregate": UnfoldAdminTextareaWidget,
        }

    # Where a fault of the document belongs on the form.
    PLACES = {
        "max_size": "max_bytes",
        "ranking.round": "round_digits",
    }

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
            "budget": cleaned["budget"] or {},
            "max_size": cleaned["max_bytes"],
            "sandbox": {name: cleaned[name] for name in sandbox},
            "questions": cleaned["questions"] or [],
            "ranking": {
                "counts": cleaned["counts"],
                "aggregate": cleaned["aggregate"] or {},
                "missing": cleaned["missing"],
                "alpha": cleaned["alpha"],
                "round": cleaned["round_digits"],
            },
        }
        try:
            TrackDocument.from_value(value, file="")
        except ProblemsFound as error:
            for problem in error.problems:
                self.add_error(self._field(problem.field), f"{problem.field}: {problem.message}")
        return cleaned

    def _field(self, place: str) -> str | None:
        """The form's field for a place in the document."""
        if place in self.PLACES:
            return self.PLACES[place]
        parts = place.replace("[", ".").split(".")
        return next((part for part in parts if part in self.fields), None)

    def clean_budget(self) -> Any:
        """An empty box is no budget."""
        return self.cleaned_data["budget"] or {}

    def clean_questions(self) -> Any:
        """An empty box is no question."""
        return self.cleaned_data["questions"] or []

    def clean_aggregate(self) -> Any:
        """An empty box is the plain mean."""
        return self.cleaned_data["aggregate"] or {}


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
