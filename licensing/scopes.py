"""What a management token may be allowed to do: to read, or to read and change, one kind of thing."""

from enum import StrEnum


class Scope(StrEnum):
    """Resource and access; there is none that would allow nothing: events are never written by anybody."""

    APPLICATIONS_READ = "applications:read"
    APPLICATIONS_WRITE = "applications:write"
    POLICIES_READ = "policies:read"
    POLICIES_WRITE = "policies:write"
    ENTITLEMENTS_READ = "entitlements:read"
    ENTITLEMENTS_WRITE = "entitlements:write"
    LICENSES_READ = "licenses:read"
    LICENSES_WRITE = "licenses:write"
    VARIABLES_READ = "variables:read"
    VARIABLES_WRITE = "variables:write"
    ACCESS_RULES_READ = "access_rules:read"
    ACCESS_RULES_WRITE = "access_rules:write"
    USAGE_READ = "usage:read"
    USAGE_WRITE = "usage:write"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"
    SESSIONS_READ = "sessions:read"
    SESSIONS_WRITE = "sessions:write"
    EVENTS_READ = "events:read"
    SIGNING_KEYS_READ = "signing_keys:read"
    SIGNING_KEYS_WRITE = "signing_keys:write"
    API_KEYS_READ = "api_keys:read"
    API_KEYS_WRITE = "api_keys:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    TEAM_READ = "team:read"
    TEAM_WRITE = "team:write"
    TOKENS_READ = "tokens:read"
    TOKENS_WRITE = "tokens:write"

    @property
    def resource(self) -> str:
        return self.value.partition(":")[0]

    @property
    def is_about_people(self) -> bool:
        """Whether it shows or changes who belongs to a team, which is for its owners."""
        return self.resource == "team"

    @property
    def is_write(self) -> bool:
        return self.value.endswith(":write")

    def is_granted_by(self, scopes: list[str]) -> bool:
        """Tell whether a list of scopes covers this one: who may change a thing may also read it."""
        return self.value in scopes or (not self.is_write and f"{self.resource}:write" in scopes)
