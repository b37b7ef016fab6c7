"""Teams and invitations."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("teams/", views.teams, name="teams"),
    path("teams/new", views.team_new, name="team_new"),
    path("teams/<slug:slug>/", views.team, name="team"),
    path("teams/<slug:slug>/invite", views.team_invite, name="team_invite"),
    path("teams/<slug:slug>/leave", views.team_leave, name="team_leave"),
    path("teams/<slug:slug>/invitations/<int:pk>/revoke", views.invitation_revoke, name="invitation_revoke"),
    path("invitations/<str:token>/", views.invitation, name="invitation"),
]
