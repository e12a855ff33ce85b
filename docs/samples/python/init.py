# pip install requests
import requests

answer = requests.post(
    "https://lockence.example/api/v1/init",
    json={
        "api_key": "lck_pk_YOUR_API_KEY",
        "license_key": "XXXXX-XXXXX-XXXXX-XXXXX",
        "hwid": "my-first-device",
    },
    timeout=10,
).json()

if answer["success"]:
    print("Welcome,", answer["username"] or "customer")
    print("Session token:", answer["session_token"])
else:
    print("Refused:", answer["code"], "-", answer["message"])
