#!/bin/sh
# A program that asks Lockence whether it may run, and says goodbye when it is done.
set -eu

URL=${LOCKENCE_URL:-'https://lockence.example'}
API_KEY=${LOCKENCE_API_KEY:-'lck_pk_YOUR_API_KEY'}

# A file, because curl puts the body of every try behind the one before, unless it can begin the file anew.
body=$(mktemp)
trap 'rm -f "$body"' EXIT

# Makes one call: its name, then the members of the body. Waits and tries again where that may help, as --retry does for no
# network, 429 and 5xx. Leaves the answer in $answer; ends the program where it is no, or nobody could be asked.
call() {
    name=$1
    shift
    : >"$body"
    curl --silent --max-time 10 --retry 3 --retry-connrefused --output "$body" "$URL/api/v1/$name" \
        --header 'Content-Type: application/json' \
        --data "{\"api_key\": \"$API_KEY\"$(printf ', "%s": "%s"' "$@")}" || : >"$body"
    answer=$(cat "$body")
    case $answer in
    '{"success":true,'*) return ;;
    '{"success":false,'*) refused "$(member code)" ;;
    *) fail "Could not ask: $URL does not answer" ;;
    esac
}

# A text member of $answer: of several with this name the first, which is never one inside the license's metadata.
member() {
    printf '%s' "$answer" | grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4
}

refused() {
    case $1 in
    rate_limited | server_error | temporarily_unavailable) fail "Could not ask: $(member message)" ;;
    esac
    printf 'Refused: %s\n' "$1"
    case $1 in
    license_not_found) fail "This license key does not exist. Please check it for typing mistakes." ;;
    license_expired) fail "Your license has expired." ;;
    license_suspended | license_revoked) fail "Your license is disabled. Please contact support." ;;
    hwid_mismatch) fail "Your license is in use on another device. Please contact support to move it." ;;
    session_limit_reached) fail "Too many copies are running. Please close one and try again." ;;
    *) fail "$(member message)" ;;
    esac
}

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

# An id that stays the same on this machine.
machine_id() {
    id=$(cat /etc/machine-id 2>/dev/null) || id=$(hostname)
    printf 'my-program %s' "$id" | sha256sum | cut -c 1-64
}

# Never in the code: each customer has a license key of their own.
license_key=${LOCKENCE_LICENSE_KEY:-}
if [ -z "$license_key" ]; then
    printf 'License key: '
    read -r license_key
fi

# The last is the same in every try: where only the answer was lost, this takes no second seat.
call init license_key "$(printf '%s' "$license_key" | tr -cd '[:alnum:]-')" \
    hwid "${LOCKENCE_HWID:-$(machine_id)}" platform linux \
    idempotency_key "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
token=$(member session_token)
username=$(member username)
echo "Welcome, ${username:-customer}"
trap 'call logout session_token "$token"; member message; rm -f "$body"' EXIT

# Your program. While it runs, send a heartbeat every heartbeat_interval seconds.
call validate session_token "$token"
echo "Valid until $(member expires_at)"
call heartbeat session_token "$token"
echo "Alive until $(member expires_at)"
