// A program that asks Lockence whether it may run, and says goodbye when it is done. Node 18 or newer: node complete.mjs
import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { createInterface } from "node:readline/promises";
import { setTimeout as sleep } from "node:timers/promises";

const URL = process.env.LOCKENCE_URL ?? "https://lockence.example";
const API_KEY = process.env.LOCKENCE_API_KEY ?? "lck_pk_YOUR_API_KEY";
const TIMEOUT_MS = 10_000;
const TRIES = 4;
// What to tell the customer; any other code is a mistake in the program, or a session that is over.
const ADVICE = {
  license_not_found: "This license key does not exist. Please check it for typing mistakes.",
  license_expired: "Your license has expired.",
  license_suspended: "Your license is disabled. Please contact support.",
  license_revoked: "Your license is disabled. Please contact support.",
  hwid_mismatch: "Your license is in use on another device. Please contact support to move it.",
  session_limit_reached: "Too many copies are running. Please close one and try again.",
};

// Lockence answered, and the answer is no.
class Refused extends Error {
  constructor(answer) {
    super(answer.message);
    this.code = answer.code;
  }
}

// Nobody could be asked: no network, or the service is down. That is not a no.
class NoAnswer extends Error {}

// Makes one call; retries what may pass, with growing waits that differ between programs.
async function call(name, fields) {
  let waitSeconds = 0;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    await sleep(waitSeconds * 1000);
    waitSeconds = 2 ** attempt * (0.5 + Math.random() / 2);
    const { response, answer } = await post(name, fields);
    if (answer?.success === true) return answer;
    if (answer?.success === false && response.status !== 429 && response.status < 500) {
      throw new Refused(answer);
    }
    waitSeconds = Math.min(Number(response?.headers.get("Retry-After") ?? waitSeconds), 30);
  }
  throw new NoAnswer(`${URL} does not answer`);
}

async function post(name, fields) {
  try {
    const response = await fetch(`${URL}/api/v1/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ api_key: API_KEY, ...fields }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { response, answer: await response.json() };
  } catch {
    return {}; // no network, or what came is not from Lockence: a proxy's error page, say
  }
}

// An id that stays the same on this machine. Work it out once and keep it while the program runs.
function machineId() {
  if (process.env.LOCKENCE_HWID) return process.env.LOCKENCE_HWID;
  return createHash("sha256").update(`my-program ${systemId()}`).digest("hex");
}

function systemId() {
  if (process.platform === "win32") {
    const key = String.raw`HKLM\SOFTWARE\Microsoft\Cryptography`;
    const listing = execFileSync("reg", ["query", key, "/v", "MachineGuid"], { encoding: "utf8" });
    return listing.trim().split(/\s+/).at(-1);
  }
  if (process.platform === "darwin") {
    const listing = execFileSync("ioreg", ["-rd1", "-c", "IOPlatformExpertDevice"], { encoding: "utf8" });
    return listing.match(/"IOPlatformUUID" = "([^"]+)"/)[1];
  }
  return existsSync("/etc/machine-id") ? readFileSync("/etc/machine-id", "utf8").trim() : hostname();
}

// Never in the code: each customer has a license key of their own.
async function licenseKey() {
  if (process.env.LOCKENCE_LICENSE_KEY) return process.env.LOCKENCE_LICENSE_KEY;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const typed = await terminal.question("License key: ");
  terminal.close();
  return typed;
}

// Your program. While it runs, call heartbeat every session.heartbeat_interval seconds, with setInterval.
async function work(session) {
  const session_token = session.session_token;
  console.log("Valid until", (await call("validate", { session_token })).expires_at);
  console.log("Alive until", (await call("heartbeat", { session_token })).expires_at);
}

try {
  const license_key = await licenseKey();
  const session = await call("init", {
    license_key,
    hwid: machineId(),
    platform: process.platform,
    // The same in every try: where only the answer was lost, this takes no second seat.
    idempotency_key: randomUUID(),
  });
  console.log("Welcome,", session.username || "customer");
  try {
    await work(session);
  } finally {
    console.log((await call("logout", { session_token: session.session_token })).message);
  }
} catch (error) {
  process.exitCode = 1;
  if (error instanceof Refused) {
    console.log(`Refused: ${error.code}`);
    console.error(ADVICE[error.code] ?? error.message);
  } else if (error instanceof NoAnswer) {
    // Your choice: try again later, or let known customers work on for some days.
    console.error(`Could not ask: ${error.message}`);
  } else {
    throw error;
  }
}
