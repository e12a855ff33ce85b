#!/bin/sh
# Tells whether a license file lets this device run at this moment. It needs OpenSSL 3 or newer, and jq.
# For scripts and for looking on; what you ship checks its files itself. To try it on files that are good and on files that are
# not: sh verify_file.sh license-file-vectors.json
set -eu
export LC_ALL=C
# A file may begin that much later by this clock. No tolerance prolongs it.
CLOCK_TOLERANCE_SECONDS=300

# Succeeds where a license file counts, and leaves its claims in the file claims; any other text lets nobody run. The license
# file stands in $license_file, what is pinned in $public_keys and $application_id, the device in $hwid. $now is in seconds
# since 1970.
granted() {
    header=${license_file%%.*} rest=${license_file#*.}
    payload=${rest%%.*} signature=${rest#*.}
    [ "$license_file" = "$header.$payload.$signature" ] || return 1
    key=$(pinned_key) || return 1
    decoded "$signature" >signature && decoded "$payload" >claims || return 1
    printf '%s' "$header.$payload" >signed
    signed_by "$key" && counts_here_and_now
}

# The server writes each header in one form only, so it is compared as text: nothing in it is obeyed.
pinned_key() {
    for key in $public_keys; do
        # The key's id is the thumbprint of RFC 7638.
        kid=$(digest_of "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"$key\"}")
        if [ "$header" = "$(printf '{"alg":"EdDSA","kid":"%s","typ":"license+jwt"}' "$kid" | encoded)" ]; then
            printf '%s' "$key"
            return 0
        fi
    done
    return 1
}

signed_by() {
    # MCow… is what stands before the 32 bytes of every Ed25519 key (RFC 8410).
    printf '%s\n' '-----BEGIN PUBLIC KEY-----' "MCowBQYDK2VwAyEA$(printf '%s=' "$1" | tr '_-' '/+')" \
        '-----END PUBLIC KEY-----' >key.pem
    openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in signed -sigfile signature >openssl.log 2>&1
}

# shellcheck disable=SC2016
counts_here_and_now() {
    jq --slurp --exit-status --arg application "$application_id" --arg device "$(digest_of "$application_id$hwid")" \
        --argjson now "$now" --argjson tolerance $CLOCK_TOLERANCE_SECONDS '
        length == 1 and (.[0] | type == "object" and .aud == $application and .device == $device
            and ([.nbf, .exp] | map(type == "number" and . == floor) | all)
            and .nbf <= $now + $tolerance and .exp > $now)' claims >jq.log 2>&1
}

digest_of() {
    printf '%s' "$1" | openssl dgst -sha256 -binary | encoded
}

encoded() {
    openssl base64 -A | tr '/+' '_-' | tr -d =
}

# The same bytes can be written in several ways, of which one is right: any other fails.
decoded() {
    case $((${#1} % 4)) in 2) padding='==' ;; 3) padding='=' ;; *) padding= ;; esac
    printf '%s' "$1$padding" | tr '_-' '/+' | openssl base64 -d -A >decoded 2>openssl.log || return 1
    [ "$(encoded <decoded)" = "$1" ] && cat decoded
}

# One case: its name, and the license file.
judge() {
    license_file=$2
    outcome='not a license file'
    if granted; then
        outcome=grants
    fi
    printf '%s\t%s\n' "$1" "$outcome"
}

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
jq -r '(@sh "now=\(.now) application_id=\(.application_id) hwid=\(.hwid) public_keys=\(.public_keys | join(" "))"),
    (.cases[] | @sh "judge \(.name) \(.license_file)")' "$1" >"$folder/script"
cd "$folder"
. ./script
