"""Leaderboards and exports."""

from django.urls import path

from leaderboards import views

urlpatterns = [
    path("c/<slug:challenge>/results.csv", views.results_csv, name="results_csv"),
    path("c/<slug:challenge>/<slug:track>/<slug:phase>/leaderboard.csv", views.board_csv, name="board_csv"),
    path("c/<slug:challenge>/<slug:track>/<slug:phase>/leaderboard", views.leaderboard, name="leaderboard"),
]
