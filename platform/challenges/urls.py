"""The challenges' own pages."""

from django.urls import path

from challenges import views

urlpatterns = [path("c/<slug:challenge>/", views.challenge, name="challenge")]
