import requests

answer = requests.post(
    "https://lockence.example/api/v1/checkout",
    json={
        "api_key": "lck_pk_YOUR_API_KEY",
        "session_token": "00000000-0000-4000-8000-000000000000",
    },
    timeout=10,
).json()

if answer["success"]:
    print(f"Good until {answer['license_file_expires_at']}\n{answer['license_file']}")
else:
    print("Refused:", answer["code"], "-", answer["message"])
