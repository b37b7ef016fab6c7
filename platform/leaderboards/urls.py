"""Leaderboards and exports."""

from django.urls import path

from leaderboards import batch_views, export_views, views, year_views

urlpatterns = [
    path("years", year_views.year_over_year, name="years"),
    path("c/<slug:challenge>/export", export_views.export, name="export"),
    path("c/<slug:challenge>/export/file", export_views.export_file, name="export_file"),
    path("c/<slug:challenge>/results.csv", export_views.results_csv, name="results_csv"),
    path("c/<slug:challenge>/batches", batch_views.batches, name="batches"),
    path("c/<slug:challenge>/batches/<int:batch>", batch_views.batch, name="batch"),
    path("c/<slug:challenge>/batches/<int:batch>/<slug:action>", batch_views.batch_action, name="batch_action"),
    path("c/<slug:challenge>/<slug:track>/<slug:phase>/leaderboard.csv", views.board_csv, name="board_csv"),
    path("c/<slug:challenge>/<slug:track>/<slug:phase>/leaderboard", views.leaderboard, name="leaderboard"),
    path(
        "c/<slug:challenge>/<slug:track>/<slug:phase>/leaderboard/<int:entry>",
        views.leaderboard_entry,
        name="leaderboard_entry",
    ),
    path("c/<slug:challenge>/<slug:track>/<slug:phase>/compare", views.leaderboard_compare, name="leaderboard_compare"),
]
