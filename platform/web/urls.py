"""The front page and the pages that compose what the apps expose."""

from django.urls import path

from web import views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("help/", views.help_index, name="help"),
    path("help/<str:code>/", views.help_code, name="help_code"),
]
