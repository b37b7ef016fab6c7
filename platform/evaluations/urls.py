"""A submission's own addresses."""

from django.urls import path

from evaluations import views

urlpatterns = [
    path("s/<uuid:submission>/", views.submission_page, name="submission"),
    path("s/<uuid:submission>/status", views.status, name="submission_status"),
    path("s/<uuid:submission>/events.json", views.events, name="submission_events"),
    path("s/<uuid:submission>/advance", views.advance, name="submission_advance"),
    path("s/<uuid:submission>/withdraw", views.withdraw, name="submission_withdraw"),
]
