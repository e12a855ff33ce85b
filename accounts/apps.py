from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AccountsConfig(AppConfig):
    name = "accounts"


class StaffPagesConfig(admin_apps.AdminConfig):
    """Django's admin, with a site that knows our door."""

    default = False
    default_site = "accounts.staff.StaffSite"
