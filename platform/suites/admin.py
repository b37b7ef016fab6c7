"""Suites, phases and challenge documents in the admin. Gold is never shown, and a sealed suite can't be downloaded."""

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from challenges.admin import BaseAdmin, OwnedInline, ReadOnlyAdmin
from challenges.models import Challenge, Phase
from challenges.services import refresh_leaderboards
from evaluators.protocol.problems import ProblemsFound
from suites import configuration, exporting, selectors, services
from suites.access import asked_before
from suites.forms import DocumentForm, PhaseForm, PhaseSuiteForm, SuiteUploadForm
from suites.models import PhaseSuite, Suite, SuiteVersion, Unsealing


class PhaseSuiteInline(OwnedInline):
    """What the phase asks."""

    model = PhaseSuite
    form = PhaseSuiteForm
    fields = ["suite_version", "splits", "sample", "position"]
    show_change_link = False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer frozen versions that the organizer may use."""
        if db_field.related_model is SuiteVersion:
            usable = selectors.versions_for(request.user).filter(state=SuiteVersion.State.FROZEN)
            kwargs["queryset"] = usable.select_related("suite")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(Phase)
class PhaseAdmin(BaseAdmin):
    """A phase: window, quotas, visibility, suites."""

    challenge_path = "track__challenge"
    form = PhaseForm
    list_display = ["title", "track", "opens", "closes", "visibility"]
    list_filter = [("track__challenge", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["track"]
    fieldsets = [
        (None, {"fields": ["track", "key", "title", "position", "opens", "closes"]}),
        ("What is shown", {"fields": ["visibility", "reveal_at", "blind"]}),
        ("Hand-ins of a team", {"fields": ["quota_day", "quota_total", "quota_concurrent"]}),
    ]
    inlines = [PhaseSuiteInline]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Whatever the phase asks, its leaderboard follows."""
        super().save_related(request, form, formsets, change)
        refresh_leaderboards(track=form.instance.track)
        for sentence in asked_before(form.instance.track):
            messages.warning(request, sentence)


@admin.register(Suite)
class SuiteAdmin(BaseAdmin):
    """Suites by key."""

    list_display = ["key", "title", "task"]
    search_fields = ["key", "title"]
    readonly_fields = ["key", "task", "created_at"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A suite's title stands on every challenge that uses it: whoever added a version may change it."""
        may = super().has_change_permission(request, obj)
        return may and (obj is None or selectors.may_extend(request.user, obj))  # type: ignore[arg-type]

    def own_rows(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those with a version that the organizer may see."""
        return rows.filter(pk__in=selectors.versions_for(request.user).values("suite"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A suite comes into being with its first version."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A suite stays, so that old scores can be explained."""
        return False


@admin.register(SuiteVersion)
class SuiteVersionAdmin(BaseAdmin):
    """A version: upload, check, self-test, preview, freeze."""

    list_display = ["__str__", "state", "items", "hidden", "short_digest", "created_at"]
    list_filter = ["state", "hidden", ("suite", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["suite"]
    fields = [
        "suite",
        "version",
        "state",
        "digest",
        "items",
        "groups",
        "hidden",
        "checks",
        "counts",
        "seen",
        "frozen_at",
    ]
    readonly_fields = fields
    actions = ["freeze"]
    change_form_template = "suites/admin_suiteversion.html"

    def own_rows(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Those that the organizer added or asks; what another challenge hides stays hidden."""
        return rows.filter(pk__in=selectors.versions_for(request.user).values("pk"))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A version stays, so that old scores can be explained."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """The upload page and the freeze button beside the usual ones."""
        return [
            path("add/", self.admin_site.admin_view(self.upload), name="suites_suiteversion_add"),
            path("<int:pk>/freeze/", self.admin_site.admin_view(self.freeze_one), name="suites_suiteversion_freeze"),
            *super().get_urls(),
        ]

    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take an archive, check and self-test it, and keep it where it is valid."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = SuiteUploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            archive = form.cleaned_data["archive"]
            try:
                version = services.add_archive(archive=archive, filename=archive.name, user=request.user)  # type: ignore[arg-type]
            except ProblemsFound as error:
                for problem in error.problems:
                    form.add_error("archive", str(problem))
            else:
                messages.success(request, f"{version} is checked. Look at what a submission will see, then freeze it.")
                return redirect("admin:suites_suiteversion_change", version.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Upload a suite version",
            "lead": "Its gold is sealed: nobody reads it here again, and a version that is frozen never changes.",
            "action": "Check and keep",
            "form": form,
            "opts": self.opts,
        }
        return render(request, "suites/admin_form.html", context)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The version's page, without buttons that save: there is nothing to save."""
        nothing = {"show_save": False, "show_save_and_continue": False, "show_save_and_add_another": False}
        response: HttpResponse = super().changeform_view(
            request, object_id, form_url, {**(extra_context or {}), **nothing}
        )
        return response

    def freeze_one(self, request: HttpRequest, pk: int) -> HttpResponseRedirect:
        """Freeze the version whose page this was asked on."""
        if request.method != "POST" or not self.has_change_permission(request):
            raise PermissionDenied
        self._freeze(request, get_object_or_404(self.get_queryset(request), pk=pk))
        return redirect("admin:suites_suiteversion_change", pk)

    @admin.action(description="Freeze the selected versions")
    def freeze(self, request: HttpRequest, queryset: Any) -> None:
        """Freeze several."""
        for version in queryset:
            self._freeze(request, version)

    def _freeze(self, request: HttpRequest, version: SuiteVersion) -> None:
        try:
            services.freeze(version=version)
        except ProblemsFound as error:
            messages.error(request, f"{version}: {error}")
        else:
            messages.success(request, f"{version} is frozen: phases can use it, and it can't change any more.")

    @admin.display(description="digest")
    def short_digest(self, version: SuiteVersion) -> str:
        """The first characters of the digest."""
        return version.digest[:12]

    @admin.display(description="Self-test")
    def checks(self, version: SuiteVersion) -> SafeString:
        """Each expectation with what was measured, and the button to freeze."""
        rows = format_html_join(
            "", "<li>{} {}: {}</li>",
            [("✓" if check["ok"] else "✗", check["name"], check["measured"])
             for check in version.selftest_report.get("checks", [])],
        )  # fmt: skip
        warnings = format_html_join(
            "", "<li>! {} {}</li>",
            [(warning["message"], warning["remedy"]) for warning in version.check_report.get("warnings", [])],
        )  # fmt: skip
        return format_html("<ul>{}{}</ul>", rows, warnings)

    @admin.display(description="Items per split")
    def counts(self, version: SuiteVersion) -> str:
        """Items of each split."""
        splits = version.check_report.get("counts", {}).get("splits", {})
        return ", ".join(f"{split}: {count:,}" for split, count in splits.items())

    @admin.display(description="Exactly what a submission sees")
    def seen(self, version: SuiteVersion) -> SafeString:
        """The first requests as they lie in the sandbox."""
        if not version.sealed_name:
            return SafeString("")
        if version.gated:
            return SafeString("This suite is gated: its items lie encrypted and are shown nowhere, here included.")
        lines = "\n".join(json.dumps(request, ensure_ascii=False) for request in services.preview(version=version))
        return format_html('<pre style="white-space: pre-wrap; overflow-wrap: anywhere">{}</pre>', lines)


@admin.register(Unsealing)
class UnsealingAdmin(ReadOnlyAdmin):
    """Who opened gold, when and why."""

    list_display = ["suite_version", "reason", "user", "at"]
    list_select_related = ["suite_version__suite", "user"]
    fields = ["suite_version", "reason", "user", "at"]

    def own_rows(self, request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Of the versions that the organizer may see."""
        return rows.filter(suite_version__in=selectors.versions_for(request.user).values("pk"))


class DocumentViews:
    """challenge.yaml in and out, on pages of the admin."""

    @staticmethod
    def load(request: HttpRequest) -> HttpResponse:
        """Apply an uploaded document; an existing challenge only by its organizers."""
        if not admin.site.get_model_admin(Challenge).has_add_permission(request):
            raise PermissionDenied
        form = DocumentForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                applied = configuration.apply(form.cleaned_data["document"], user=request.user)  # type: ignore[arg-type]
            except ProblemsFound as error:
                for problem in error.problems:
                    form.add_error("document", str(problem))
            else:
                messages.success(request, "; ".join(applied.changes) or "Nothing to change.")
                return redirect("admin:challenges_challenge_change", applied.challenge.pk)
        context = {
            **admin.site.each_context(request),
            "title": "Apply a challenge.yaml",
            "lead": "It creates the challenge, or brings it to what the document says. Suites must be uploaded first.",
            "action": "Apply",
            "form": form,
            "opts": admin.site.get_model_admin(Challenge).opts,
        }
        return render(request, "suites/admin_form.html", context)

    @staticmethod
    def export(request: HttpRequest, pk: int) -> HttpResponse:
        """The challenge's document, as a download."""
        challenge = get_object_or_404(Challenge.objects.organized_by(request.user), pk=pk)
        response = HttpResponse(exporting.export(challenge).to_yaml(), content_type="application/yaml")
        response["Content-Disposition"] = f'attachment; filename="{challenge.key}.yaml"'
        return response


def document_urls() -> list[URLPattern]:
    """Addresses of the document's pages, below the admin's."""
    return [
        path("challenge-document/", admin.site.admin_view(DocumentViews.load), name="challenge_document"),
        path("challenge-document/<int:pk>.yaml", admin.site.admin_view(DocumentViews.export), name="challenge_export"),
    ]
