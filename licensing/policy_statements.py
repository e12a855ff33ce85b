"""The SQL of rules that a license may have for itself: pieces for statements where `license` and `policy` are rows."""

HWID_MATCHING = "COALESCE(NULLIF(license.hwid_matching, ''), policy.hwid_matching)"
SESSIONS_PER = "COALESCE(NULLIF(license.sessions_per, ''), policy.sessions_per)"
# NULL: any number, and none is named.
USERS_MAX = "COALESCE(license.users_max, policy.users_max)"
# NULL: not at all, which a license says with 0.
BORROW_MAX_SECONDS = "NULLIF(COALESCE(license.borrow_max_seconds, policy.borrow_max_seconds), 0)"
