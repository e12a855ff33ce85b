from django.apps import AppConfig


class LockenceConfig(AppConfig):
    name = "lockence"
