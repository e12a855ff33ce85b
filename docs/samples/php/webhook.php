<?php
// Is a webhook Lockence's own? php webhook.php SECRET ID TIMESTAMP SIGNATURE < body
declare(strict_types=1);

const TOLERANCE_SECONDS = 300;

/** Tells whether $body came with these three webhook-… headers from who knows $secret, and came now. */
function is_genuine(string $secret, string $id, string $timestamp, string $signatures, string $body): bool
{
    if (!preg_match('/\A[0-9]{1,11}\z/', $timestamp)) {
        return false;
    }
    if (abs(time() - (int) $timestamp) > TOLERANCE_SECONDS) {
        return false;
    }
    $key = base64_decode(preg_replace('/\Awhsec_/', '', $secret), true);
    if ($key === false || $key === '') {
        return false;
    }
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // While a secret is changed there are two signatures, with a space between them.
    foreach (explode(' ', $signatures) as $one) {
        if (hash_equals($expected, $one)) {
            return true;
        }
    }
    return false;
}

if (PHP_SAPI === 'cli' && count($argv) === 5) {
    $genuine = is_genuine($argv[1], $argv[2], $argv[3], $argv[4], stream_get_contents(STDIN));
    echo $genuine ? "genuine\n" : "not genuine\n";
    exit($genuine ? 0 : 1);
}
