// Is a webhook Lockence's own? node webhook.mjs SECRET ID TIMESTAMP SIGNATURE < body
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TOLERANCE_SECONDS = 300;

// Tells whether `body` (a Buffer) came with these three webhook-… headers from who knows `secret`, and came now.
export function isGenuine(secret, id, timestamp, signatures, body) {
  if (!/^[0-9]{1,11}$/.test(timestamp)) return false;
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const mac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const expected = Buffer.from(`v1,${mac}`);
  // While a secret is changed there are two signatures, with a space between them.
  return signatures.split(" ").some((one) => {
    const told = Buffer.from(one);
    return told.length === expected.length && timingSafeEqual(told, expected);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const genuine = isGenuine(...process.argv.slice(2, 6), readFileSync(0));
  console.log(genuine ? "genuine" : "not genuine");
  process.exitCode = genuine ? 0 : 1;
}
