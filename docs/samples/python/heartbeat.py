import requests

answer = requests.post(
    "https://lockence.example/api/v1/heartbeat",
    json={
        "api_key": "lck_pk_YOUR_API_KEY",
        "session_token": "00000000-0000-4000-8000-000000000000",
    },
    timeout=10,
).json()

if answer["success"]:
    print("Alive until", answer["expires_at"], "- next in", answer["heartbeat_interval"], "seconds")
else:
    print("Refused:", answer["code"], "-", answer["message"])
