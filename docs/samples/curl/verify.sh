#!/bin/sh
# Tells whether an answer is Lockence's own, and to this very request. It needs OpenSSL 3 or newer, and jq.
# For scripts and for looking on; what you ship checks its answers itself. To try it on answers that are honest and on answers
# that are not: sh verify.sh test-vectors.json
set -eu
export LC_ALL=C
CLOCK_TOLERANCE_SECONDS=300

# Succeeds where an answer is to be believed; any other says nothing about the license. The request stands in $method,
# $authority (host, and port unless it is the scheme's own), $path, $nonce and the file request-body; the answer in $status
# and the files headers (curl --dump-header) and body (curl --output); what is pinned in $public_keys, $instance_keys and
# $application_id. $now is in seconds since 1970.
verified() {
    input=$(header signature-input) && signature=$(header signature) || return 1
    digest=$(header content-digest) && content_type=$(header content-type) || return 1
    components='"@status" "content-digest" "content-type" "@method";req "@authority";req "@path";req "content-digest";req'
    is "$input" "lockence=\\($components\\);created=[0-9]{1,15};expires=[0-9]{1,15};nonce=\"[A-Za-z0-9_-]{16,64}\"\
;keyid=\"[A-Za-z0-9_-]{43}\";alg=\"ed25519\";tag=\"(lockence-v1|lockence-instance-v1)\"" || return 1
    is "$signature" 'lockence=:[A-Za-z0-9+/]{86}==:' || return 1
    same "$(parameter nonce | tr -d '"')" "$nonce" || return 1
    [ "$(parameter created)" -le $((now + CLOCK_TOLERANCE_SECONDS)) ] || return 1
    [ "$(parameter expires)" -ge $((now - CLOCK_TOLERANCE_SECONDS)) ] || return 1
    same "$digest" "$(digest_of body)" || return 1
    printf '%s\n' "\"@status\": $status" "\"content-digest\": $digest" "\"content-type\": $content_type" \
        "\"@method\";req: $method" "\"@authority\";req: $authority" "\"@path\";req: $path" \
        "\"content-digest\";req: $(digest_of request-body)" >base
    printf '%s' "\"@signature-params\": ${input#lockence=}" >>base
    printf '%s' "$signature" | cut -d : -f 2 | openssl base64 -d -A >signature
    signed_by_a_pinned_key && says_so_itself
}

# The only value of a header field, whose name is given in lower case; fails where it comes never, or twice.
header() {
    tr -d '\r' <headers | awk -v name="$1" '
        { colon = index($0, ":") }
        colon && tolower(substr($0, 1, colon - 1)) == name { count++; value = substr($0, colon + 1) }
        END { gsub(/^[ \t]+|[ \t]+$/, "", value); print value; exit count != 1 }'
}

is() {
    printf '%s\n' "$1" | grep -Eqx "$2"
}

parameter() {
    printf '%s\n' "$input" | tr ';' '\n' | sed -n "s/^$1=//p"
}

digest_of() {
    printf 'sha-256=:%s:' "$(openssl dgst -sha256 -binary "$1" | openssl base64 -A)"
}

# Digests under a key of the moment: how long it takes to compare them tells nothing.
same() {
    moment=$(openssl rand -hex 16)
    [ "$(printf '%s' "$1" | openssl dgst -sha256 -hmac "$moment")" = "$(printf '%s' "$2" | openssl dgst -sha256 -hmac "$moment")" ]
}

signed_by_a_pinned_key() {
    case $(parameter tag) in
    '"lockence-v1"') keys=$public_keys ;;
    # The key of the installation may say that it knows no such API key, and nothing else.
    *) [ "$status" = 401 ] && keys=$instance_keys || return 1 ;;
    esac
    for key in $keys; do
        # MCow… is what stands before the 32 bytes of every Ed25519 key (RFC 8410).
        printf '%s\n' '-----BEGIN PUBLIC KEY-----' "MCowBQYDK2VwAyEA$(printf '%s=' "$key" | tr '_-' '/+')" \
            '-----END PUBLIC KEY-----' >key.pem
        if openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in base -sigfile signature >openssl.log 2>&1; then
            return 0
        fi
    done
    return 1
}

# shellcheck disable=SC2016
says_so_itself() {
    [ "$(parameter tag)" = '"lockence-v1"' ] && expected=$application_id || expected=
    [ "$status" = 200 ] && yes=true || yes=false
    jq --slurp --exit-status --arg nonce "$nonce" --arg application "$expected" --argjson yes $yes '
        length == 1 and (.[0] | type == "object" and .nonce == $nonce and .success == $yes
            and ($application == "" or .application_id == $application))' body >jq.log 2>&1
}

# One case: its name, the status, the header fields and the body.
judge() {
    status=$2
    printf '%s\n' "$3" >headers
    printf '%s' "$4" >body
    outcome='not an answer'
    if verified; then
        [ "$status" = 200 ] && outcome=yes || outcome=no
    fi
    printf '%s\t%s\n' "$1" "$outcome"
}

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
jq -r '(@sh "
    now=\(.now) application_id=\(.application_id)
    public_keys=\(.public_keys | join(" ")) instance_keys=\(.instance_keys | join(" "))
    method=\(.request.method) authority=\(.request.authority) path=\(.request.path) nonce=\(.request.nonce)
    printf %s \(.request.body) >request-body"),
    (.cases[] | @sh "judge \(.name) \(.status) \(.headers | map(join(": ")) | join("\n")) \(.body)")' "$1" >"$folder/script"
cd "$folder"
. ./script
