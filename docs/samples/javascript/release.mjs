const response = await fetch("https://lockence.example/api/v1/release", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({
    api_key: "lck_pk_YOUR_API_KEY",
    session_token: "00000000-0000-4000-8000-000000000000",
  }),
  signal: AbortSignal.timeout(10_000),
});
const answer = await response.json();

if (answer.success) {
  console.log("Released - releases left", answer.releases_left);
} else {
  console.log("Refused:", answer.code, "-", answer.message);
}
