"""Where sign-ins are kept: as Django keeps them, but useless to who reads the table.

The cookie holds a session's key; the table holds its digest, and the data encrypted for that row. A copy of the database
signs nobody in and shows no code or secret that waits in a session.
"""

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.utils import timezone

from accounts import ciphers

_TABLE, _COLUMN = "django_session", "session_data"


class SessionStore(db.SessionStore):
    def exists(self, session_key: str) -> bool:
        return super().exists(digest(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            self.model.objects.filter(session_key=digest(key)).delete()

    def load(self) -> dict[str, Any]:
        if self.session_key is None:
            return {}
        row = digest(self.session_key)
        session = self.model.objects.filter(session_key=row, expire_date__gt=timezone.now()).first()
        if session is None:
            self._session_key = None
            return {}
        return self._opened(session.session_data, row)

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = digest(self._get_or_create_session_key())  # type: ignore[attr-defined]
        return self.model(
            session_key=row,
            session_data=ciphers.encrypt(self.encode(data), table=_TABLE, column=_COLUMN, row=row),
            expire_date=self.get_expiry_date(),
        )

    def _opened(self, ciphertext: str, row: str) -> dict[str, Any]:
        try:
            text = ciphers.decrypt(ciphertext, table=_TABLE, column=_COLUMN, row=row)
        except ciphers.UndecipherableError:
            # Its key was retired: whoever it was signs in again.
            return {}
        return self.decode(text)


def digest(session_key: str) -> str:
    """Return the 40 hex digits under which a session is kept: as many of its SHA-256 as Django's column holds."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:40]
