// Node 18 or newer: node init.mjs
const response = await fetch("https://lockence.example/api/v1/init", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({
    api_key: "lck_pk_YOUR_API_KEY",
    license_key: "XXXXX-XXXXX-XXXXX-XXXXX",
    hwid: "my-first-device",
  }),
  signal: AbortSignal.timeout(10_000),
});
const answer = await response.json();

if (answer.success) {
  console.log("Welcome,", answer.username || "customer");
  console.log("Session token:", answer.session_token);
} else {
  console.log("Refused:", answer.code, "-", answer.message);
}
