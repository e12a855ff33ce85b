// Tells whether an answer is Lockence's own, and to this very request. Node 18 or newer, and nothing else.
// Put `verified` into your program. To try it on answers that are honest and on answers that are not:
// node verify.mjs test-vectors.json
import { createHash, createPublicKey, timingSafeEqual, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const CLOCK_TOLERANCE_SECONDS = 300;
const SIGNATURE_INPUT = new RegExp(
  String.raw`^lockence=(?<parameters>\("@status" "content-digest" "content-type" "@method";req "@authority";req ` +
    String.raw`"@path";req "content-digest";req\);created=(?<created>[0-9]{1,15});expires=(?<expires>[0-9]{1,15})` +
    String.raw`;nonce="(?<nonce>[A-Za-z0-9_-]{16,64})";keyid="[A-Za-z0-9_-]{43}";alg="ed25519"` +
    String.raw`;tag="(?<tag>lockence-v1|lockence-instance-v1)")$`,
);
const SIGNATURE = /^lockence=:(?<base64>[A-Za-z0-9+/]{86}==):$/;

// What came is not Lockence's answer to this request. It says nothing about the license.
class NotAnAnswer extends Error {}

// Returns the JSON object of an answer that is to be believed; throws NotAnAnswer for any other.
// `request` has the method, authority (host, and port unless it is the scheme's own), path and nonce as they were sent, and the
// body as a Buffer; `response` the status, the headers as pairs ([...response.headers] of fetch) and the body as a Buffer;
// `now` is in seconds since 1970.
function verified(request, response, pinned, now) {
  const signed = SIGNATURE_INPUT.exec(header(response, "signature-input"))?.groups;
  const signature = SIGNATURE.exec(header(response, "signature"))?.groups;
  const digest = header(response, "content-digest");
  demand(signed && signature, "not signed as Lockence signs");
  demand(same(signed.nonce, request.nonce), "to another question");
  demand(Number(signed.created) <= now + CLOCK_TOLERANCE_SECONDS, "signed in the future");
  demand(Number(signed.expires) >= now - CLOCK_TOLERANCE_SECONDS, "too old");
  demand(same(digest, digestOf(response.body)), "the body is another one");
  const base = [
    `"@status": ${response.status}`,
    `"content-digest": ${digest}`,
    `"content-type": ${header(response, "content-type")}`,
    `"@method";req: ${request.method}`,
    `"@authority";req: ${request.authority}`,
    `"@path";req: ${request.path}`,
    `"content-digest";req: ${digestOf(request.body)}`,
    `"@signature-params": ${signed.parameters}`,
  ].join("\n");
  const keys = keysFor(signed.tag, response.status, pinned);
  demand(keys.some((key) => fits(key, signature.base64, base)), "a forgery");
  return bodyOf(request, response, signed.tag, pinned);
}

function keysFor(tag, status, pinned) {
  if (tag === "lockence-v1") return pinned.public_keys;
  // The key of the installation may say that it knows no such API key, and nothing else.
  return status === 401 ? pinned.instance_keys : [];
}

function fits(publicKey, signature, base) {
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
  return verify(null, Buffer.from(base), key, Buffer.from(signature, "base64"));
}

function bodyOf(request, response, tag, pinned) {
  const body = parsed(response.body);
  demand(body !== null && typeof body === "object" && !Array.isArray(body), "no JSON object");
  demand(same(String(body.nonce), request.nonce), "to another question");
  demand(body.success === (response.status === 200), "body and status do not agree");
  demand(tag !== "lockence-v1" || body.application_id === pinned.application_id, "another application's");
  return body;
}

function parsed(body) {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new NotAnAnswer("no JSON");
  }
}

function header(response, name) {
  const values = response.headers.filter(([key]) => key.toLowerCase() === name);
  demand(values.length === 1, `${name} came ${values.length} times`);
  return values[0][1].trim();
}

function digestOf(body) {
  return `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
}

function same(told, expected) {
  const [a, b] = [Buffer.from(told), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function demand(condition, otherwise) {
  if (!condition) throw new NotAnAnswer(otherwise);
}

const vectors = JSON.parse(readFileSync(process.argv[2], "utf8"));
const request = { ...vectors.request, body: Buffer.from(vectors.request.body) };
for (const answer of vectors.cases) {
  let outcome = "not an answer";
  try {
    const response = { ...answer, body: Buffer.from(answer.body) };
    outcome = verified(request, response, vectors, vectors.now).success ? "yes" : "no";
  } catch (error) {
    if (!(error instanceof NotAnAnswer)) throw error;
  }
  console.log(`${answer.name}\t${outcome}`);
}
