import requests

answer = requests.post(
    "https://lockence.example/api/v1/offline",
    json={
        "api_key": "lck_pk_YOUR_API_KEY",
        "license_key": "XXXXX-XXXXX-XXXXX-XXXXX",
        "request_code": "REQ1-OF-THE-DEVICE",
    },
    timeout=10,
).json()

if answer["success"]:
    print(f"Good until {answer['license_file_expires_at']}\n{answer['license_file']}")
else:
    print("Refused:", answer["code"], "-", answer["message"])
