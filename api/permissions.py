"""What a call's token must allow: one scope for each method of a view."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from licensing import errors
from licensing.scopes import Scope


class HasScope(BasePermission):
    """Raises InsufficientScopeError, which names the scope that the token lacks."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in view.allowed_methods:
            # Nothing will be done, and the answer says which methods there are.
            return True
        scopes: dict[str, Scope] = view.scopes  # type: ignore[attr-defined]
        scope = scopes[str(method)]
        token: Any = request.auth
        if not token.allows(scope):
            raise errors.InsufficientScopeError(scope)
        return True
