curl --silent --show-error --max-time 10 'https://lockence.example/api/v1/init' \
  --header 'Content-Type: application/json' \
  --data '{
    "api_key": "lck_pk_YOUR_API_KEY",
    "license_key": "XXXXX-XXXXX-XXXXX-XXXXX",
    "hwid": "my-first-device"
  }'
