"""Every address of the platform, app by app."""

from django.contrib import admin
from django.urls import include, path

from suites.admin import document_urls

urlpatterns = [
    path("admin/", include(document_urls())),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("", include("submissions.urls")),
    path("", include("evaluations.urls")),
    path("", include("leaderboards.urls")),
    path("", include("findings.urls")),
    path("", include("challenges.urls")),
    path("", include("web.urls")),
]
