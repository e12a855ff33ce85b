// Tells whether a license file lets this device run at this moment. Node 18 or newer, and nothing else.
// Put `granted` into your program. To try it on files that are good and on files that are not:
// node verify_file.mjs license-file-vectors.json
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

// A file may begin that much later by this clock. No tolerance prolongs it.
const CLOCK_TOLERANCE_SECONDS = 300;

// What lets nobody run here and now.
class NotALicenseFile extends Error {}

// Returns the claims of a license file that counts; throws NotALicenseFile for any other text.
// `pinned` has the public_keys and the application_id that your program was built with; `now` is in seconds since 1970.
function granted(file, pinned, hwid, now) {
  const parts = file.split(".");
  demand(parts.length === 3, "not three parts");
  const [header, payload, signature] = parts;
  // The server writes each header in one form only, so it is compared as text: nothing in it is obeyed.
  const key = pinned.public_keys.find((key) => header === headerOf(key));
  demand(key !== undefined, "another header, or a key that is not pinned");
  demand(fits(key, decoded(signature), `${header}.${payload}`), "a forgery");
  const claims = claimsOf(decoded(payload));
  demand(claims.aud === pinned.application_id, "another application's");
  demand(claims.device === digestOf(pinned.application_id + hwid), "another device's");
  demand(seconds(claims, "nbf") <= now + CLOCK_TOLERANCE_SECONDS, "it does not count yet");
  demand(seconds(claims, "exp") > now, "it has ended");
  return claims;
}

function headerOf(publicKey) {
  // The key's id is the thumbprint of RFC 7638.
  const kid = digestOf(`{"crv":"Ed25519","kty":"OKP","x":"${publicKey}"}`);
  return Buffer.from(`{"alg":"EdDSA","kid":"${kid}","typ":"license+jwt"}`).toString("base64url");
}

function fits(publicKey, signature, signed) {
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
  return verify(null, Buffer.from(signed), key, signature);
}

function claimsOf(payload) {
  const claims = parsed(payload);
  demand(claims !== null && typeof claims === "object" && !Array.isArray(claims), "no JSON object");
  return claims;
}

function parsed(payload) {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    throw new NotALicenseFile("no JSON");
  }
}

function seconds(claims, name) {
  demand(Number.isSafeInteger(claims[name]), `${name} is no number`);
  return claims[name];
}

function digestOf(text) {
  return createHash("sha256").update(text).digest("base64url");
}

function decoded(part) {
  const data = Buffer.from(part, "base64url");
  // The same bytes can be written in several ways, of which one is right.
  demand(data.toString("base64url") === part, "no base64url");
  return data;
}

function demand(condition, otherwise) {
  if (!condition) throw new NotALicenseFile(otherwise);
}

const vectors = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const { name, license_file } of vectors.cases) {
  let outcome = "not a license file";
  try {
    granted(license_file, vectors, vectors.hwid, vectors.now);
    outcome = "grants";
  } catch (error) {
    if (!(error instanceof NotALicenseFile)) throw error;
  }
  console.log(`${name}\t${outcome}`);
}
