const response = await fetch("https://lockence.example/api/v1/variables", {
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
  for (const [name, value] of Object.entries(answer.variables)) {
    console.log(name, "=", value);
  }
} else {
  console.log("Refused:", answer.code, "-", answer.message);
}
