"""The pages of one's own account that are ours; the others are django-allauth's."""

from django.urls import path

from accounts import views

urlpatterns = [
    path("sessions/", views.sessions, name="account-sessions"),
    path("sessions/end/", views.sessions_end, name="account-sessions-end"),
    path("sessions/<uuid:browser_id>/end/", views.session_end, name="account-session-end"),
    path("data/", views.data, name="account-data"),
    path("data/export/", views.export, name="account-export"),
    path("delete/", views.delete, name="account-delete"),
]
