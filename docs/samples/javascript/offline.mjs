const response = await fetch("https://lockence.example/api/v1/offline", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({
    api_key: "lck_pk_YOUR_API_KEY",
    license_key: "XXXXX-XXXXX-XXXXX-XXXXX",
    request_code: "REQ1-OF-THE-DEVICE",
  }),
  signal: AbortSignal.timeout(10_000),
});
const answer = await response.json();

if (answer.success) {
  console.log(`Good until ${answer.license_file_expires_at}\n${answer.license_file}`);
} else {
  console.log("Refused:", answer.code, "-", answer.message);
}
