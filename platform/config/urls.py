"""Every address of the platform, app by app."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("", include("accounts.urls")),
    path("", include("submissions.urls")),
    path("", include("evaluations.urls")),
    path("", include("leaderboards.urls")),
    path("", include("challenges.urls")),
    path("", include("web.urls")),
]
