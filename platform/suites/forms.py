"""Uploading a suite version, and a challenge document, in the admin."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminIntegerFieldWidget

from challenges.models import Phase
from evaluators.protocol.challenge import ChallengeDocument
from evaluators.protocol.documents import MAX_DOCUMENT_BYTES
from evaluators.protocol.problems import ProblemsFound
from suites.models import PhaseSuite, SuiteVersion

SPLITS = [("dev", "dev"), ("public", "public"), ("private", "private")]


class SuiteUploadForm(forms.Form):
    """A suite's folder as an archive."""

    archive = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        label="Suite folder",
        help_text="zip or tar.gz with suite.yaml, items.jsonl and gold.jsonl. It is checked before anything is kept.",
    )


class DocumentForm(forms.Form):
    """A challenge.yaml."""

    document = forms.FileField(widget=UnfoldAdminFileFieldWidget, label="challenge.yaml")

    def clean_document(self) -> ChallengeDocument:
        """Read it; every fault is told with its line and field."""
        upload = self.cleaned_data["document"]
        try:
            text = upload.read(MAX_DOCUMENT_BYTES + 1).decode()
            return ChallengeDocument.from_yaml(text, file=upload.name)
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The file is not UTF-8 text.") from error
        except ProblemsFound as error:
            raise forms.ValidationError([str(problem) for problem in error.problems]) from error


class PhaseForm(forms.ModelForm):  # type: ignore[type-arg]
    """A phase's window and quotas."""

    class Meta:
        model = Phase
        fields = "__all__"  # noqa: DJ007 - the admin's fieldsets say which

    def clean(self) -> dict[str, Any]:
        """A phase closes after it opens."""
        cleaned = super().clean() or {}
        opens, closes = cleaned.get("opens"), cleaned.get("closes")
        if opens and closes and closes <= opens:
            self.add_error("closes", "The phase must close after it opens.")
        return cleaned


class PhaseSuiteForm(forms.ModelForm):  # type: ignore[type-arg]
    """A suite version in a phase: frozen ones only."""

    splits = forms.MultipleChoiceField(choices=SPLITS, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = PhaseSuite
        fields = ["suite_version", "splits", "sample", "position"]
        widgets = {"sample": UnfoldAdminIntegerFieldWidget, "position": UnfoldAdminIntegerFieldWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["suite_version"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = SuiteVersion.objects.filter(state=SuiteVersion.State.FROZEN).select_related("suite")

    def clean(self) -> dict[str, Any]:
        """The chosen splits must hold items."""
        cleaned = super().clean() or {}
        version, splits = cleaned.get("suite_version"), cleaned.get("splits")
        if version and splits:
            counts = version.check_report.get("counts", {}).get("splits", {})
            if not any(counts.get(split) for split in splits):
                there = ", ".join(f"{name} ({count})" for name, count in counts.items())
                self.add_error("splits", f"{version} has no items in these splits. It has: {there}.")
        return cleaned
