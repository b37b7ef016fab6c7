"""Registering, merging teams, uploading, handing in, a team's list, its quota and what it answers."""

from django.urls import path

from submissions import answers_pages, uploading, views

urlpatterns = [
    path("uploads/", uploading.create, name="upload_create"),
    path("uploads/<uuid:pk>", uploading.upload, name="upload"),
    path("c/<slug:challenge>/register", views.register, name="register"),
    path("teams/<slug:slug>/merge", views.team_merge, name="team_merge"),
    path("merges/<int:pk>/", views.merge, name="merge"),
    path("c/<slug:challenge>/quota", views.quota_page, name="quota"),
    path("c/<slug:challenge>/quota/<slug:team>", views.quota_page, name="quota_of"),
    path("s/<uuid:submission>/method", answers_pages.method, name="submission_method"),
    path("c/<slug:challenge>/answers", answers_pages.completeness, name="method_completeness"),
    path("c/<slug:challenge>/submissions/", views.submissions, name="submissions"),
    path("c/<slug:challenge>/<slug:track>/submit", views.submit, name="submit"),
]
