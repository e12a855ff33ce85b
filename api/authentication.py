"""Whose call it is: a management token as a bearer token (RFC 6750), in the header and nowhere else."""

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from licensing import errors
from licensing.keys import API_KEY_PREFIX
from licensing.management_tokens import token_shown
from licensing.models import ManagementToken

_HOW = "Send your management token in the header Authorization: Bearer lck_sk_…"


class ManagementTokenAuthentication(BaseAuthentication):
    """Raises InvalidTokenError: no call of the management API is anonymous, and no cookie counts."""

    def authenticate(self, request: Request) -> tuple[Any, ManagementToken]:
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text:
            raise errors.InvalidTokenError(_HOW)
        if text.startswith(API_KEY_PREFIX):
            raise errors.InvalidTokenError(
                "This is an application's API key (lck_pk_…), which is public and opens the client API alone: "
                "use a management token (lck_sk_…) here"
            )
        return None, token_shown(text, now=timezone.now())
