const until = new Date(Date.now() + 7 * 24 * 60 * 60 * 1000);
const response = await fetch("https://lockence.example/api/v1/borrow", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({
    api_key: "lck_pk_YOUR_API_KEY",
    session_token: "00000000-0000-4000-8000-000000000000",
    until: until.toISOString(),
  }),
  signal: AbortSignal.timeout(10_000),
});
const answer = await response.json();

if (answer.success) {
  console.log("Borrowed until", answer.borrowed_until);
} else {
  console.log("Refused:", answer.code, "-", answer.message);
}
