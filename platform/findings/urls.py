"""A challenge's findings report."""

from django.urls import path

from findings import views

urlpatterns = [
    path("c/<slug:challenge>/findings", views.findings, name="findings"),
    path("c/<slug:challenge>/findings/build", views.build, name="findings_build"),
    path("c/<slug:challenge>/findings/<int:number>.zip", views.archive, name="findings_archive"),
]
