import datetime as dt

import requests

until = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=7)
answer = requests.post(
    "https://lockence.example/api/v1/borrow",
    json={
        "api_key": "lck_pk_YOUR_API_KEY",
        "session_token": "00000000-0000-4000-8000-000000000000",
        "until": until.isoformat(),
    },
    timeout=10,
).json()

if answer["success"]:
    print("Borrowed until", answer["borrowed_until"])
else:
    print("Refused:", answer["code"], "-", answer["message"])
