import uuid

import requests

answer = requests.post(
    "https://lockence.example/api/v1/consume",
    json={
        "api_key": "lck_pk_YOUR_API_KEY",
        "session_token": "00000000-0000-4000-8000-000000000000",
        "entitlement": "pages",
        "amount": 1,
        "idempotency_key": str(uuid.uuid4()),
    },
    timeout=10,
).json()

if answer["success"]:
    print("Used", answer["used"], "- remaining", answer["remaining"])
else:
    print("Refused:", answer["code"], "-", answer["message"])
