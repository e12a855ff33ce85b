from django.apps import AppConfig

from lockence import checks


class LockenceConfig(AppConfig):
    name = "lockence"

    def ready(self) -> None:
        checks.register_all()
