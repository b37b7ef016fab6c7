"""Registering, uploading, handing in, and a team's list."""

from django.urls import path

from submissions import uploading, views

urlpatterns = [
    path("uploads/", uploading.create, name="upload_create"),
    path("uploads/<uuid:pk>", uploading.upload, name="upload"),
    path("c/<slug:challenge>/register", views.register, name="register"),
    path("c/<slug:challenge>/submissions/", views.submissions, name="submissions"),
    path("c/<slug:challenge>/<slug:track>/submit", views.submit, name="submit"),
]
